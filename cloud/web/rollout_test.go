package web_test

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/updates"
	"github.com/kopilka/kopilka/cloud/updates/updatestest"
	"github.com/kopilka/kopilka/cloud/web/page"
	"github.com/kopilka/kopilka/ledger/sale"
	"github.com/kopilka/kopilka/sync/wire"
)

// published gives the office a repository with two versions and a plan, and has one till fail.
func (o *office) published() {
	ctx, t := context.Background(), o.t
	stick := filepath.Join(t.TempDir(), "stick")
	require.NoError(t, o.Updates.Init(ctx, stick, nil, o.Vouch(o.org)))
	keys, err := updates.ReadKeys([]string{stick}, nil)
	require.NoError(t, err)
	dir, linux := updatestest.Build(t, "1.3.0", "linux")
	linux.Notes.RU = strings.Repeat("Весы и принтер этикеток, исправлена печать слипов на узкой ленте. ", 3) + hostile
	linux.Notes.EN = "Scales and label printers; slips on narrow paper are mended."
	_, err = o.Updates.Add(ctx, updatestest.List(t, dir, "1.3.0", linux), keys)
	require.NoError(t, err)
	dir, next := updatestest.Build(t, "1.4.0-rc.1", "windows")
	_, err = o.Updates.Add(ctx, updatestest.List(t, dir, "1.4.0-rc.1", next), keys)
	require.NoError(t, err)
	r, err := o.Rollout(ctx, o.org)
	require.NoError(t, err)
	require.NoError(t, o.SetRollout(ctx, o.org, r.Serial, page.RolloutPlan{Steps: []page.RolloutStep{
		{Version: "1.3.0", Share: 10000}, {Version: "1.4.0-rc.1", Share: 10000, Stores: []sale.StoreNo{2}, NoReturn: true},
	}}, "owner"))
	for i, u := range []*wire.UpdateStatus{nil, {Version: "1.4.0-rc.1", State: wire.UpdateFailed, RU: "касса не отвечает", EN: "the register does not answer"}, {Version: "1.3.0", State: wire.UpdateReady}} {
		require.NoError(t, o.Store.SaveStatus(ctx, o.org, o.tills[i].Till, &wire.Status{At: sale.At(o.now()), Update: u, Register: wire.RegisterStatus{Online: true}}))
	}
	require.NoError(t, o.Store.SawTill(ctx, o.org, o.tills[0].Till, "kopilka-agent 1.3.0"))
}

func TestRolloutPageSaysWhatToRun(t *testing.T) {
	t.Parallel()
	o := open(t)
	_, body := o.signedIn("owner").get("/rollout")
	require.Contains(t, body, "kopilka-cloud updates init -keys")
	res, _ := o.signedIn("manager").get("/rollout")
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	for _, path := range []string{"/rollout", "/rollout/pause"} {
		res, body = o.signedIn("owner").post(path, url.Values{"paused": {"1"}})
		require.Equal(t, http.StatusConflict, res.StatusCode)
		require.Contains(t, body, "kopilka-cloud updates init -keys")
	}
}

func TestRolloutIsPlannedPausedAndWrittenDown(t *testing.T) {
	t.Parallel()
	o := fill(t)
	o.published()
	b := o.signedIn("owner")
	res, _ := b.post("/rollout/pause", url.Values{"paused": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body := b.get("/rollout")
	require.Contains(t, body, "отложена 1.3.0")
	b.post("/rollout/pause", url.Values{"paused": {"0"}})
	_, body = b.get("/rollout")
	for _, want := range []string{"1 из 3", "0 из 1", "не вышло: 1.4.0-rc.1", "касса не отвечает", "скачала 1.3.0, ждёт перерыва", "обновлений нет"} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "<script>alert")
	form := formFields(body)
	wrong := url.Values{"serial": {form.Get("serial")}, "version-0": {"1.3.0"}, "share-0": {"120"}, "stores-0": {"1, 77"}}
	res, body = b.post("/rollout", wrong)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	require.Contains(t, body, `id="e-share-0"`)
	require.Contains(t, body, `Нет магазина «77»`)
	require.Contains(t, body, `value="1, 77"`, "what was typed is not lost")

	good := url.Values{"serial": {form.Get("serial")}, "version-0": {"1.3.0"}, "share-0": {"12,5"}, "stores-0": {"1; 3"}, "back-0": {"1"}, "version-1": {""}}
	res, body = b.post("/rollout", good)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, "вернутся на эту")
	res, _ = b.post("/rollout", formFields(body))
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	v, err := o.Updates.Look(t.Context())
	require.NoError(t, err)
	require.Len(t, v.Plan.Steps, 1)
	require.EqualValues(t, 1250, v.Plan.Steps[0].Share)
	require.Equal(t, []sale.StoreNo{1, 3}, v.Plan.Steps[0].Stores)
	require.True(t, v.Plan.Steps[0].Back)

	res, body = b.post("/rollout", good)
	require.Equal(t, http.StatusConflict, res.StatusCode, "opened before the change")
	require.Contains(t, body, "тем временем изменили")
	res, _ = b.post("/rollout/pause", url.Values{"paused": {"1"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/rollout")
	require.Contains(t, body, "Обновления приостановлены.")
	res, _ = b.post("/rollout/pause", url.Values{"paused": {"0"}})
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	_, body = b.get("/audit?what=update")
	require.Contains(t, body, "1.3.0 12.50% 1,3 back; paused")
}
