-- The open deals of the accounts that came to our booth at the fair, with who looks after them.
SELECT v.account_number, v.interest, a.Name AS account, u.Name AS owner, d.Name AS deal, d.CloseDate
FROM lake.visits v
JOIN crm.Account a ON a.AccountNumber = v.account_number
JOIN crm.Opportunity d ON d.AccountId = a.Id
JOIN crm.User u ON u.Id = d.OwnerId
WHERE d.IsClosed = false
