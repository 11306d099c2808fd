-- How many units of a currency one euro bought on a day: the ECB's table, a row a rate.
SELECT CAST("Date" AS DATE) AS day, currency, CAST(rate AS DECIMAL(18, 6)) AS per_euro
FROM (
  UNPIVOT (SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ecb.rates)
  ON COLUMNS(* EXCLUDE ("Date")) INTO NAME currency VALUE rate
)
WHERE rate <> 'N/A'
UNION ALL
SELECT DATE '1999-01-01', 'EUR', 1
