package guide

// SeedSources are the texts as Vigie brings them.
var SeedSources = seedSources
