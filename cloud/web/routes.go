package web

import (
	"errors"

	"github.com/kopilka/kopilka/cloud/web/page"
)

func isNotFound(err error) bool { return errors.Is(err, page.ErrNotFound) }

// routes is every address with the least role that may use it. A viewer sees, a manager works with
// customers and the catalogue, an owner decides about tills, the programme, stores and users.
func (s *site) routes() []route {
	return []route{
		{"GET /sign-in", anybody, s.signInForm},
		{"POST /sign-in", anybody, s.signIn},
		{"POST /lang", anybody, s.setLang},
		{"POST /sign-out", viewer, s.signOut},
		{"GET /password", viewer, s.passwordForm},
		{"POST /password", viewer, s.changePassword},
		{"GET /live", viewer, s.live},

		{"GET /{$}", viewer, s.overview},
		{"GET /sales", viewer, s.salesPage},
		{"GET /sales.csv", viewer, s.salesCSV},
		{"GET /sales/{id}", viewer, s.receiptPage},
		{"GET /sales/{id}/record.json", viewer, s.receiptJSON},
		{"GET /shifts", viewer, s.shiftsPage},
		{"GET /shifts/{till}/{fn}/{shift}", viewer, s.shiftPage},
		{"GET /flags", viewer, s.flagsPage},
		{"POST /flags/{id}", manager, s.resolveFlag},

		{"GET /tills", viewer, s.tillsPage},
		{"GET /tills/{no}", viewer, s.tillPage},
		{"GET /tills/new", owner, s.enrolForm},
		{"POST /tills/new", owner, s.enrol},
		{"POST /tills/{no}/revoke", owner, s.revoke},
		{"POST /tills/{no}/retire", owner, s.retire},

		{"GET /customers", viewer, s.customersPage},
		{"GET /customers.csv", manager, s.customersCSV},
		{"GET /customers/{no}", viewer, s.customerPage},
		{"GET /customers/new", manager, s.newCustomerForm},
		{"POST /customers/new", manager, s.saveCustomer},
		{"GET /customers/{no}/edit", manager, s.editCustomerForm},
		{"POST /customers/{no}/edit", manager, s.saveCustomer},
		{"POST /customers/{no}/points", manager, s.adjust},
		{"POST /customers/{no}/block", manager, s.blockCustomer},
		{"POST /customers/{no}/unblock", manager, s.unblockCustomer},

		{"GET /programme", viewer, s.programmePage},
		{"GET /programme/{version}", viewer, s.versionPage},
		{"POST /programme/{version}/withdraw", owner, s.withdraw},
		{"POST /programme/drafts", manager, s.newDraft},
		{"GET /programme/drafts/{draft}", manager, s.draftPage},
		{"POST /programme/drafts/{draft}/drop", manager, s.dropDraft},
		{"GET /programme/drafts/{draft}/publish", owner, s.publishForm},
		{"POST /programme/drafts/{draft}/publish", owner, s.publish},
		{"GET /programme/drafts/{draft}/{section}", manager, s.sectionPage},
		{"POST /programme/drafts/{draft}/{section}", manager, s.saveSection},
		{"GET /programme/drafts/{draft}/{section}/{i}", manager, s.sectionPage},
		{"POST /programme/drafts/{draft}/{section}/{i}", manager, s.saveSection},

		{"GET /products", viewer, s.productsPage},
		{"GET /products.csv", viewer, s.productTemplate},
		{"GET /products/import", manager, s.importForm("products", productColumns)},
		{"POST /products/import", manager, s.importProducts},
		{"GET /products/{sku}", manager, s.productForm},
		{"POST /products/{sku}", manager, s.saveProduct},
		{"POST /products/{sku}/withdraw", manager, s.withdrawProduct},

		{"GET /staff", viewer, s.staffPage},
		{"GET /staff.csv", viewer, s.staffTemplate},
		{"GET /staff/import", manager, s.importForm("staff", staffColumns)},
		{"POST /staff/import", manager, s.importStaff},
		{"GET /staff/{no}", manager, s.staffForm},
		{"POST /staff/{no}", manager, s.saveStaff},
		{"POST /staff/{no}/withdraw", manager, s.withdrawStaff},

		{"GET /stores", viewer, s.storesPage},
		{"GET /stores/{no}", owner, s.storeForm},
		{"POST /stores/{no}", owner, s.saveStore},
		{"GET /users", owner, s.usersPage},
		{"GET /users/{login}", owner, s.userForm},
		{"POST /users/{login}", owner, s.saveUser},
	}
}
