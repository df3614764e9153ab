package desk_test

import (
	"context"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// Who is told that a command is done sees what it did: else the next key would strike what is not there any more.
func TestTheViewComesBeforeTheReply(t *testing.T) {
	till := newScript(agent.View{})
	n := int64(0)
	till.answers(func(context.Context, agent.Command) error {
		n++
		till.show(agent.View{Basket: agent.BasketView{Total: sale.Money(n)}})
		return nil
	})
	conn, err := dial(t, serve(t, till), nil)
	require.NoError(t, err)
	hear(t, conn)
	const commands = 300
	for i := int64(1); i <= commands; i++ {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"id":1,"command":{"do":"next"}}`)))
		shown := sale.Money(0)
		for {
			m := hear(t, conn)
			if m.View != nil {
				shown = m.View.Basket.Total
			}
			if m.Reply != nil {
				break
			}
		}
		require.Equal(t, sale.Money(i), shown)
	}
}
