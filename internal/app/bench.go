package app

type benchCommand struct{}

func (benchCommand) Run() error { return nil }
