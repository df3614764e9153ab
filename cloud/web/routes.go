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
		{"GET /aside", viewer, s.asidePage},
		{"POST /tills/{no}/release", owner, s.release},

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
		{"POST /customers/{no}/tier", manager, s.setTier},
		{"POST /customers/{no}/merge", manager, s.mergeCustomer},
		{"POST /customers/{no}/split", manager, s.splitCustomer},
		{"POST /customers/{no}/birthday", manager, s.setBirthday},
		{"POST /customers/{no}/consent", manager, s.setConsent},
		{"POST /customers/{no}/review", manager, s.giveReview},
		{"POST /customers/{no}/test", owner, s.testCustomer},
		{"POST /customers/{no}/erase", owner, s.eraseCustomer},

		{"GET /codes", viewer, s.codesPage},
		{"GET /codes/report", viewer, s.reportPage},
		{"GET /codes/{campaign}", manager, s.campaignPage},
		{"POST /codes/{campaign}", manager, s.makeCodes},
		{"GET /codes/{campaign}/list.csv", manager, s.codesCSV},
		{"POST /codes/{campaign}/revoke", manager, s.revokeCode},
		{"POST /codes/{campaign}/withdraw", manager, s.withdrawCampaign},
		{"GET /certificates", viewer, s.certificatesPage},
		{"POST /certificates", owner, s.issueCertificates},
		{"GET /certificates/{batch}", viewer, s.certificateBatch},
		{"GET /certificates/{batch}/list.csv", manager, s.certificatesCSV},
		{"GET /draws", viewer, s.drawsPage},
		{"POST /draws", owner, s.draw},
		{"GET /draws/{id}", viewer, s.drawPage},
		{"GET /draws/tickets/{purse}/list.csv", manager, s.ticketsCSV},
		{"GET /partners", viewer, s.partnersPage},
		{"GET /partners/{no}", manager, s.partnerForm},
		{"POST /partners/{no}", manager, s.savePartner},

		{"GET /programme", viewer, s.programmePage},
		{"GET /programme/{version}", viewer, s.versionPage},
		{"POST /programme/{version}/withdraw", owner, s.withdraw},
		{"POST /programme/drafts", manager, s.newDraft},
		{"GET /programme/drafts/{draft}", manager, s.draftPage},
		{"POST /programme/drafts/{draft}/drop", manager, s.dropDraft},
		{"GET /programme/drafts/{draft}/rehearse", manager, s.rehearsalPage},
		{"POST /programme/drafts/{draft}/rehearse", manager, s.rehearse},
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
		{"GET /staff/rewards", viewer, s.rewardsPage},
		{"POST /staff/rewards", manager, s.cashOut},
		{"GET /staff/{no}", manager, s.staffForm},
		{"POST /staff/{no}", manager, s.saveStaff},
		{"POST /staff/{no}/withdraw", manager, s.withdrawStaff},

		{"GET /stores", viewer, s.storesPage},
		{"GET /stores/{no}", owner, s.storeForm},
		{"POST /stores/{no}", owner, s.saveStore},
		{"GET /rollout", owner, s.rolloutPage},
		{"POST /rollout", owner, s.saveRollout},
		{"POST /rollout/pause", owner, s.pauseRollout},
		{"GET /audit", owner, s.auditPage},
		{"GET /users", owner, s.usersPage},
		{"GET /users/{login}", owner, s.userForm},
		{"POST /users/{login}", owner, s.saveUser},
	}
}
