-- +goose Up

-- Beside the cells of days stand those of months, with six digits as their day (202611): long times are read from them. What was counted
-- by the month alone, under its first day, becomes such a cell; the others are added up.
UPDATE stat_cell SET day = day / 100 WHERE dim IN ('category_gender', 'category_age');
INSERT INTO stat_cell (dim, day, channel, code, measure, n)
    SELECT dim, day / 100, channel, code, measure, CAST(SUM(n) AS BIGINT) FROM stat_cell
    WHERE dim NOT IN ('category_gender', 'category_age') GROUP BY dim, day / 100, channel, code, measure;
-- How many entered by weekday (1 is Monday) and hour, "3/17": Zeller's congruence, in which January is the 13th month of the year before.
INSERT INTO stat_cell (dim, day, channel, code, measure, n)
    SELECT 'week', month, channel, CAST((d + 13 * (m + 1) / 5 + y + y / 4 - y / 100 + y / 400 + 5) % 7 + 1 AS TEXT) || '/' || code, 'entered', CAST(SUM(n) AS BIGINT)
    FROM (SELECT day / 100 AS month, channel, code, n, day % 100 AS d,
              CASE WHEN day / 100 % 100 < 3 THEN day / 100 % 100 + 12 ELSE day / 100 % 100 END AS m,
              CASE WHEN day / 100 % 100 < 3 THEN day / 10000 - 1 ELSE day / 10000 END AS y
          FROM stat_cell WHERE dim = 'hour' AND measure = 'entered' AND day > 999999) AS hours
    GROUP BY month, channel, (d + 13 * (m + 1) / 5 + y + y / 4 - y / 100 + y / 400 + 5) % 7, code;

-- What a contact was counted as is a line from now on, from which its cells are made and of which two things at once can be asked. The
-- program makes lines of the cells that were kept (stats.rewrite); nothing is counted anew, for what it was counted from may be gone.
ALTER TABLE stat_counted RENAME COLUMN cells TO line;
ALTER TABLE stat_counted ADD COLUMN day BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stat_counted_by_day ON stat_counted (day);
