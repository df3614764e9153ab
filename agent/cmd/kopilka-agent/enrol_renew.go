package main

import (
	"context"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/sync/update"
)

// renew has a running till take the config that this command has changed. One that was not enrolled before goes over by
// itself; one where a sale is being made is left to a person.
func (e *newTill) renew(ctx context.Context) error {
	if !e.known || !e.changed {
		return nil
	}
	if !idle(ctx, e.config.Page) {
		return e.tell(agent.Text{
			RU: "Касса сейчас занята и работает с прежними настройками. Когда освободится: kopilka-agent service stop, затем kopilka-agent service start.",
			EN: "The till is busy and works with the config as it was. When it is free: kopilka-agent service stop, then kopilka-agent service start.",
		})
	}
	if err := e.service.Stop(ctx); err != nil {
		return err
	}
	return e.service.Start(ctx)
}

// idle tells that nobody is disturbed by a restart. A till that does not answer disturbs nobody any more.
func idle(ctx context.Context, page string) bool {
	h, err := askHealth(ctx, page)
	return err != nil || h.Idle
}

func askHealth(ctx context.Context, page string) (h update.Health, err error) {
	err = askJSON(ctx, page, "/health", &h)
	return h, err
}
