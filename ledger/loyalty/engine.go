package loyalty

import "fmt"

// Engine is a programme made ready to reckon: validated once, its rules indexed by the goods that they
// name. It is never changed and may be used by many at once.
type Engine struct {
	programme *Programme
}

// Compile makes an engine of a programme, which must not be changed any more; nil reckons plain sales.
// It fails with every problem that [Programme.Validate] finds.
func Compile(p *Programme) (*Engine, error) {
	if p != nil {
		if err := p.Validate(); err != nil {
			return nil, err
		}
	}
	return &Engine{programme: p}, nil
}

// Programme is what was compiled; nil for plain sales.
func (e *Engine) Programme() *Programme { return e.programme }

// Quote reckons a basket. Only bad input is an error: no lines or too many, quantities that are not
// positive, a fraction of a piece, negative prices, sums too large, a gift that cannot be given.
func (e *Engine) Quote(req Request) (Quote, error) {
	r := reckoning{programme: e.programme, request: req}
	if err := r.begin(); err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBasket, err)
	}
	if r.member() {
		r.discount()
		r.redeem()
		r.smooth()
		r.earn()
	}
	if err := r.finish(); err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBasket, err)
	}
	return r.quote, nil
}

// Quote reckons one basket by a programme; whoever reckons many compiles it once. A nil programme gives
// a plain sale, an invalid one an error.
func (p *Programme) Quote(req Request) (Quote, error) {
	e, err := Compile(p)
	if err != nil {
		return Quote{}, fmt.Errorf("%w: %w", ErrBasket, err)
	}
	return e.Quote(req)
}
