package referral

// RunningFiles are the case files with a referral that was decided on and has not come to its end.
const RunningFiles = `SELECT file_id FROM referral WHERE state IN ('decided', 'declined', 'sent')`
