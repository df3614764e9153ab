package web

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// csvWriter streams a table to a spreadsheet: UTF-8 with a mark, and the separators of the user's language. Russian
// Excel parts cells by semicolons and takes 12.05 for the twelfth of May; English Excel wants commas and points.
type csvWriter struct {
	w    *csv.Writer
	raw  http.ResponseWriter
	lang Lang
	n    int
}

// csvFlushRows is how many rows gather before they go to the browser.
const csvFlushRows = 500

func newCSV(c *call, name string) *csvWriter {
	w := c.w
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.csv"`, name))
	w.Header().Set("Cache-Control", "no-store")
	out := &csvWriter{w: csv.NewWriter(w), raw: w, lang: c.lang}
	if c.lang == RU {
		out.w.Comma = ';'
	}
	out.w.UseCRLF = true
	fmt.Fprint(w, "\ufeff")
	return out
}

// figure is a sum as the spreadsheet reckons with it.
func (c *csvWriter) figure(v fmt.Stringer) string {
	if c.lang == RU {
		return strings.Replace(v.String(), ".", ",", 1)
	}
	return v.String()
}

// row writes one row. A cell that a spreadsheet would take for a formula is made text by an
// apostrophe; figures are told apart from formulas by being figures.
func (c *csvWriter) row(cells ...string) error {
	for i, cell := range cells {
		cells[i] = csvSafe(cell)
	}
	if err := c.w.Write(cells); err != nil {
		return fmt.Errorf("write a row of CSV: %w", err)
	}
	if c.n++; c.n%csvFlushRows == 0 {
		return c.flush()
	}
	return nil
}

func (c *csvWriter) flush() error {
	c.w.Flush()
	if err := c.w.Error(); err != nil {
		return fmt.Errorf("send CSV: %w", err)
	}
	if err := http.NewResponseController(c.raw).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("send CSV: %w", err)
	}
	return nil
}

// csvSafe guards against formulas in names that a stranger chose.
func csvSafe(cell string) string {
	trimmed := strings.TrimLeft(cell, " \u00a0\ufeff")
	if trimmed == "" || !strings.ContainsRune("=+-@\t\r\n|", rune(trimmed[0])) {
		return cell
	}
	if trimmed == cell && plainFigure(cell) {
		return cell
	}
	return "'" + cell
}

// plainFigure tells "-12.50" from "-12+cmd".
func plainFigure(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" {
		return false
	}
	dots := 0
	for _, r := range s {
		switch {
		case r == '.' || r == ',':
			dots++
		case r < '0' || r > '9':
			return false
		}
	}
	return dots <= 1 && s[0] >= '0' && s[0] <= '9'
}

// csvRowsMax bounds an import: more is a mistake, and a page of problems nobody reads.
const csvRowsMax = 50_000

// readCSV reads an uploaded table whose first row names the columns. Commas, semicolons and tabs are
// told apart by the first row. The problems are of the whole file.
func readCSV(body io.Reader, required []string) ([]map[string]string, []problem) {
	raw, err := io.ReadAll(io.LimitReader(body, uploadBytesMax+1))
	if err != nil || len(raw) > uploadBytesMax {
		return nil, []problem{{Text: Text{"Файл больше 8 МБ. Разделите его на части.", "The file is over 8 MB. Split it."}}}
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		return nil, []problem{{Text: Text{"Файл не в UTF-8. Сохраните его как «CSV UTF-8».", "The file is not UTF-8. Save it as “CSV UTF-8”."}}}
	}
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma = separator(string(first))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, []problem{{Text: Text{"Файл пуст. Первая строка — названия столбцов.", "The file is empty. Its first row names the columns."}}}
	}
	if missing := columnsMissing(head, required); missing != "" {
		return nil, []problem{{Text: Text{"В первой строке нет столбцов: " + missing + ". Возьмите шаблон.", "The first row lacks columns: " + missing + ". Take the template."}}}
	}
	return csvRows(r, head)
}

func csvRows(r *csv.Reader, head []string) ([]map[string]string, []problem) {
	var rows []map[string]string
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, []problem{{Text: Text{"Файл не читается как CSV: " + err.Error(), "The file cannot be read as CSV: " + err.Error()}}}
		}
		if len(rows) == csvRowsMax {
			return rows, []problem{{Text: Text{"Больше 50 000 строк. Разделите файл.", "Over 50,000 rows. Split the file."}}}
		}
		row := make(map[string]string, len(head))
		for _, name := range head { // a short row has empty cells
			row[columnName(name)] = ""
		}
		for i, cell := range cells {
			if i < len(head) {
				// the apostrophe is our own export's guard against formulas
				row[columnName(head[i])] = strings.TrimPrefix(strings.TrimSpace(cell), "'")
			}
		}
		line, _ := r.FieldPos(0)
		row["#"] = fmt.Sprint(line)
		rows = append(rows, row)
	}
}

func columnName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func columnsMissing(head, required []string) string {
	have := make(map[string]bool, len(head))
	for _, name := range head {
		have[columnName(name)] = true
	}
	var missing []string
	for _, name := range required {
		if !have[name] {
			missing = append(missing, name)
		}
	}
	return strings.Join(missing, ", ")
}

func separator(first string) rune {
	best, most := ';', 0
	for _, r := range []rune{';', ',', '\t'} {
		if n := strings.Count(first, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}
