package desk

import "context"

// Examine is what a request for the findings does.
func Examine(d *Desk, ctx context.Context) (Examined, error) { //nolint:revive // the desk is what is asked
	return d.examinations.make(ctx, d.Doctor)
}
