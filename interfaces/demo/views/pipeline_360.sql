-- Open pipeline of the hot direct customers by industry and month, closing in the next 60 days,
-- in euros at the day's rate (of the close date, or the latest that is known), next to what the
-- same accounts ordered in the web shop since the beginning of last year.
WITH deals AS (
  SELECT
    a.AccountNumber AS account,
    a.Industry AS industry,
    CAST(date_trunc('month', o.CloseDate) AS DATE) AS month,
    count(*) AS deals,
    sum(o.Amount / r.per_euro) AS euros
  FROM crm.Opportunity o
  JOIN crm.Account a ON a.Id = o.AccountId
  ASOF JOIN day_rates r ON r.currency = o.CurrencyIsoCode AND r.day <= o.CloseDate
  WHERE o.IsClosed = false
    AND o.CloseDate >= current_date AND o.CloseDate < current_date + 60
    AND a.Type = 'Customer - Direct' AND a.Rating = 'Hot'
  GROUP BY ALL
),
shop AS (
  SELECT account_number, count(*) AS orders, sum(amount_eur) AS euros
  FROM lake.orders
  WHERE year >= year(current_date) - 1
  GROUP BY ALL
)
SELECT
  d.industry,
  d.month,
  CAST(sum(d.deals) AS BIGINT) AS deals,
  CAST(sum(d.euros) AS DECIMAL(18, 2)) AS pipeline_eur,
  CAST(coalesce(sum(s.orders), 0) AS BIGINT) AS shop_orders,
  CAST(coalesce(sum(s.euros), 0) AS DECIMAL(18, 2)) AS shop_eur
FROM deals d
LEFT JOIN shop s ON s.account_number = d.account
GROUP BY ALL
