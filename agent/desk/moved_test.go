package desk_test

import (
	"context"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/agent"
	"github.com/kopilka/kopilka/ledger/sale"
)

// without is the view after the till has taken a line out, as it does with a piece that the marking system refuses.
func without(v agent.View, line int) agent.View {
	gone := v.Basket.Lines[line]
	v.Basket.Lines = append(append([]agent.LineView{}, v.Basket.Lines[:line]...), v.Basket.Lines[line+1:]...)
	v.Basket.Gross, v.Basket.Total = v.Basket.Gross-gone.Gross, v.Basket.Total-gone.Net
	return v
}

// The buyer has paid the sum that was said, at the terminal or in notes: another one is nobody's word yet.
func TestPayingStopsWhenTheSumChanges(t *testing.T) {
	p := small(t, selling())
	card := func(sum sale.Money) agent.Command {
		return agent.Command{Do: "pay", Tenders: []sale.Tender{{Kind: sale.TenderCard, Amount: sum}}}
	}
	p.press("F10")
	p.see(".how-card")
	v := without(selling(), 4)
	p.till.show(v)
	p.see("[data-do=due-new]")
	require.Contains(t, p.text("dialog .strip.warning"), "566,19")
	require.Contains(t, p.text("dialog .strip.warning"), "917,19")
	p.press("Enter", "Enter")
	p.see("[data-do=due-new]") // the Enter that was meant for the old sum
	p.silent()
	p.press("F6")
	p.see(".how-card")
	p.press("Enter")
	require.Equal(t, card(v.Basket.Total), p.asked())
	p.until(`!document.querySelector('dialog')`)

	p.press("F9")
	p.see(".how-cash")
	p.till.show(selling())
	p.see("[data-do=due-new]")
	p.press("Enter", "Escape", "F10", "Enter")
	require.Equal(t, card(selling().Basket.Total), p.asked(), "opened anew, the sum is what was seen")
}

// The last tap's own change of the sum is no news.
func TestPayingWaitsForTheLastTapsSum(t *testing.T) {
	p := small(t, selling())
	release := make(chan struct{})
	v := without(selling(), 4)
	p.till.answers(func(ctx context.Context, c agent.Command) error {
		if c.Do == "remove" {
			select {
			case <-release:
			case <-ctx.Done():
			}
			p.till.show(v)
		}
		return nil
	})
	p.press("Delete")
	require.Equal(t, "remove", p.asked().Do)
	p.press("F10")
	p.see(".how-card")
	close(release)
	p.until(`document.querySelector('dialog .due').innerText.includes('917,19')`)
	p.see("[data-do=pay]:not(:disabled)")
	p.press("Enter")
	require.Equal(t, v.Basket.Total, p.asked().Tenders[0].Amount)
}

// A line above leaves: the light, and with it the keys, stay with the goods that the cashier looks at.
func TestTheLightStaysWithItsGoods(t *testing.T) {
	p := small(t, selling())
	p.press("ArrowUp", "ArrowUp")
	require.Contains(t, p.text(".line.lit .name"), selling().Basket.Lines[2].Name)
	p.till.show(without(selling(), 0))
	p.until(`document.querySelectorAll('.line').length === 4`)
	p.press("Delete")
	require.Equal(t, agent.Command{Do: "remove", Line: 1, SKU: "000103"}, p.asked())
	p.till.show(without(without(selling(), 0), 1))
	p.until(`document.querySelectorAll('.line').length === 3`)
	p.press("Delete")
	require.Equal(t, agent.Command{Do: "remove", Line: 1, SKU: "000104"}, p.asked(), "after one's own removal the next is lit")
}

// A question that stands open asks about the goods it named.
func TestAQuantityNamesItsGoods(t *testing.T) {
	p := small(t, selling())
	p.press("ArrowUp", "F4")
	p.see("[data-dialog=qty]")
	p.till.show(without(selling(), 0))
	p.until(`document.querySelectorAll('.line').length === 4`)
	p.press("3", "Enter")
	require.Equal(t, agent.Command{Do: "qty", Line: 3, SKU: "000104", Qty: 3000}, p.asked(), "the till sees that another line stands there")
}

// Goods on the counter whose code is waited for come before the money, not after the terminal has taken it.
func TestNobodyPaysBesideGoodsThatWait(t *testing.T) {
	p := small(t, markWanted())
	for _, key := range []string{"F9", "F10", "F6"} {
		p.press(key)
		p.see(".strips [data-do=forgive]")
		p.settle()
		require.False(t, eval[bool](p, `Boolean(document.querySelector('dialog'))`))
		p.press("Escape")
		p.until(`!document.querySelector('[data-do=forgive]')`)
	}
	p.silent()
}

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

// What head office answers may change what comes back; money given before that is the wrong sum.
func TestNoMoneyBackWhileHeadOfficeIsAsked(t *testing.T) {
	v := returning()
	v.Return.Asking = true
	p := small(t, v)
	p.press("F9")
	p.settle()
	require.False(t, eval[bool](p, `Boolean(document.querySelector('dialog'))`))
	p.till.show(returning())
	p.see("[data-do=return-pay]:not(:disabled)")
	p.press("F9")
	p.see("[data-dialog=return-pay]")
}

// A key that is held down, or leant on, means what it says once; only the arrows go on.
func TestAHeldKeyPressesOnce(t *testing.T) {
	p := small(t, selling())
	hold := func(key string) {
		p.press(key)
		eval[bool](p, `(() => {
			for (let i = 0; i < 5; i++) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '`+key+`', code: '`+key+`', repeat: true, bubbles: true, cancelable: true }));
			return true;
		})()`)
		p.drawn()
	}
	hold("Delete")
	require.Equal(t, "remove", p.asked().Do)
	p.silent()
	hold("ArrowUp")
	require.True(t, eval[bool](p, `document.querySelector('.line:nth-child(3)').matches('.lit')`), "the arrows go on")
	p.stand(scene{view: doneSale, see: "[data-do=next]"})
	eval[bool](p, `(document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', repeat: true, bubbles: true, cancelable: true })), true)`)
	p.settle()
	p.silent()
	p.press("Enter")
	require.Equal(t, "next", p.asked().Do, "the change was seen")
}

// The English page names a fiscal document in letters that its reader knows.
func TestADocumentIsNamedInThePagesLanguage(t *testing.T) {
	till := newScript(doneSale())
	p := openPage(t, till, "en", 1024, 768)
	require.Regexp(t, `FN \d+`, p.text("main"))
	require.NotRegexp(t, `Ф[НД] \d`, p.text("main"))
	p.stand(scene{view: returning, see: ".returns"})
	require.Regexp(t, `FN \d+ .*FD \d+`, p.text(".of"))
}
