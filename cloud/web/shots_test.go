//go:build shots

package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/kopilka/kopilka/cloud/web/page"
)

// TestScreenshots writes what people will see, for people to look at:
//
//	KOPILKA_SHOTS=folder go test -tags shots -run TestScreenshots ./cloud/web
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("KOPILKA_SHOTS")
	require.NotEmpty(t, folder, "say where to: KOPILKA_SHOTS=folder")
	only := os.Getenv("KOPILKA_SHOTS_ONLY")
	full, empty := fill(t), open(t)
	full.published()
	for _, o := range []*office{full, empty} {
		ctx := chrome(t, 1440, 900)
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(o.url+"/sign-in")))
		shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "sign-in.png"), shot, 0o600))
		signIn(t, ctx, o, "owner")
		pages := map[string]string{}
		if o == full {
			pages = o.pagesToLookAt()
		} else {
			for _, name := range []string{"", "sales", "shifts", "flags", "tills", "customers", "programme", "products", "staff", "stores", "rollout"} {
				pages["empty-"+name] = "/" + name
			}
		}
		for _, lang := range []string{"ru", "en"} {
			require.NoError(t, o.Store.SetPageLang(ctx, o.org, "owner", page.Lang(lang)))
			for name, path := range pages {
				if only != "" && !strings.Contains(","+only+",", ","+name+",") {
					continue
				}
				for _, size := range [][2]int64{{1440, 900}, {1024, 768}} {
					require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(o.url+path)))
					shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					require.NoError(t, err)
					require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%d.png", name, lang, size[0])), shot, 0o600))
				}
			}
		}
	}
}
