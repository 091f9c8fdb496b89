package datarequest

// NeededContacts are the contacts of people whose request is not answered yet and needs them as they are: a copy (GDPR Art. 15), a
// correction (Art. 16), a restriction (Art. 18). It is a query of ids.
const NeededContacts = `SELECT c.id FROM contact c JOIN data_request r ON r.person_id = c.person_id
	WHERE r.kind IN ('access', 'rectification', 'restriction') AND r.state NOT IN ('answered', 'refused', 'closed')`
