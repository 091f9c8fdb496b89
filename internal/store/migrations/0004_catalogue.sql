-- +goose Up
-- Every version of every document of the catalogue, as the text that was published. Nothing personal is in
-- it: these are the helpline's own words and rules.
CREATE TABLE catalogue_version (
    doc          TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    edition      BIGINT NOT NULL, -- of the seed it comes from; 0 for one that somebody wrote
    body         TEXT   NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT   NOT NULL, -- id of the member of staff; '' for a seed
    PRIMARY KEY (doc, version)
);
