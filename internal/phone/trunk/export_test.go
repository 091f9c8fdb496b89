package trunk

// Leftovers is how many transactions and dialogs the server still keeps.
func (s *Server) Leftovers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.servers) + len(s.clients) + len(s.calls) + len(s.merging)
}
