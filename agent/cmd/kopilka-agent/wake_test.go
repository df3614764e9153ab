package main

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestASleepBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWakes()
		require.Same(t, w, wakesOf(withWakes(ctx, w)))
		begun, told := 0, 0
		ended := make(chan struct{}, 2)
		go func() {
			w.through(ctx, func(ctx context.Context) { begun++; <-ctx.Done() })
			ended <- struct{}{}
		}()
		go func() {
			w.each(ctx, func() { told++ })
			ended <- struct{}{}
		}()
		synctest.Wait()
		require.Equal(t, 1, begun)
		for n := range 3 {
			w.wake()
			synctest.Wait()
			require.Equal(t, n+2, begun)
			require.Equal(t, n+1, told)
		}
		cancel()
		<-ended
		<-ended
		require.Equal(t, 4, begun)
	})
}

func TestWhatEndsByItselfStaysEnded(t *testing.T) {
	begun := 0
	newWakes().through(t.Context(), func(context.Context) { begun++ })
	require.Equal(t, 1, begun)
}

// Systems that do not tell of sleep have no wakes.
func TestNoSleepIsHeardOf(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	none := wakesOf(ctx)
	require.Nil(t, none)
	none.through(ctx, func(context.Context) { cancel() })
	none.each(ctx, func() { t.Error("told of a sleep") })
}
