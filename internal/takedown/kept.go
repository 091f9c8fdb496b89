package takedown

// RunningFiles are the case files with a notice that was sent, or is being, and has not come to its end.
const RunningFiles = `SELECT file_id FROM takedown_notice WHERE state NOT IN ('draft', 'ready', 'closed', 'withdrawn')`
