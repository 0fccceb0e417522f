R"sql(

-- How many tasks of each chunk have ended, and how, without the rows: those are a hundred times as large.
CREATE INDEX outcome_counts ON outcome (job, round, chunk, kind, count);

)sql"
