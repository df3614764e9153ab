package agent

import "context"

// ExamineDevices examines a till's devices and nothing else, for a till that does not sell yet.
func ExamineDevices(ctx context.Context, c Checkup) []Finding {
	e := &examination{Checkup: c}
	e.register(ctx)
	e.printer(ctx)
	e.display(ctx)
	e.scanners(ctx)
	return e.findings
}
