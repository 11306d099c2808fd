// What jsforce does against a local org.

import jsforce from 'jsforce'
import { ORG, asked, count, equal, forget, main, rows } from './checks.mjs'

const VERSION = '60.0'
const conn = new jsforce.Connection({
  instanceUrl: ORG.https,
  accessToken: ORG.access_token,
  version: VERSION,
})
conn.bulk.pollInterval = 20
conn.bulk.pollTimeout = 30000
conn.bulk2.pollInterval = 20
conn.bulk2.pollTimeout = 30000

async function soapLogin() {
  const other = new jsforce.Connection({ loginUrl: ORG.https, version: VERSION })
  const user = await other.login(ORG.username, ORG.password + ORG.security_token)
  equal(user.id.slice(0, 3), '005')
  equal((await other.query('SELECT Id FROM Account LIMIT 1')).records.length, 1)
  await other.logout()
}

async function passwordLogin() {
  const oauth2 = {
    loginUrl: ORG.https,
    clientId: ORG.client_id,
    clientSecret: ORG.client_secret,
    redirectUri: 'http://127.0.0.1/',
  }
  const other = new jsforce.Connection({ oauth2, version: VERSION })
  await other.login(ORG.username, ORG.password)
  equal((await other.identity()).username, ORG.username)
}

async function refresh() {
  const oauth2 = { loginUrl: ORG.https, clientId: ORG.client_id, clientSecret: ORG.client_secret }
  const other = new jsforce.Connection({
    oauth2,
    instanceUrl: ORG.https,
    accessToken: '00D000000000000!expired',
    refreshToken: ORG.refresh_token,
    version: VERSION,
  })
  let renewed = 0
  other.on('refresh', () => (renewed += 1))
  equal((await other.query('SELECT Id FROM Account LIMIT 1')).records.length, 1)
  equal(renewed, 1, 'tokens renewed')
}

async function describe() {
  const names = (await conn.describeGlobal()).sobjects.map((one) => one.name)
  equal(names.includes('Account') && names.includes('Trap__c'), true)
  const fields = (await conn.sobject('Account').describe()).fields.map((one) => one.name)
  equal(fields.includes('SystemModstamp'), true)
}

async function limits() {
  const { DailyApiRequests } = await conn.limits()
  equal(DailyApiRequests.Max >= DailyApiRequests.Remaining, true)
  equal(conn.limitInfo.apiUsage.limit, DailyApiRequests.Max)
}

async function allPages() {
  await forget()
  const found = await conn.query('SELECT Id FROM Contact', { autoFetch: true, maxFetch: 100000 })
  const ids = new Set(found.records.map((one) => one.Id))
  equal(ids.size, await count('Contact'))
  equal((await asked('GET', '/query/01g')) > 1, true, 'more than one page')
}

async function deletedToo() {
  const options = { autoFetch: true, maxFetch: 100000, scanAll: true }
  const found = await conn.query('SELECT Id, IsDeleted FROM Account', options)
  equal(found.records.some((one) => one.IsDeleted), true)
}

async function related() {
  const soql =
    "SELECT Id, Owner.Name, (SELECT Id, LastName FROM Contacts) FROM Account WHERE Id IN (SELECT AccountId FROM Contact) LIMIT 5"
  const { records } = await conn.query(soql)
  equal(records.length, 5)
  equal(records.every((one) => one.Owner.Name && one.Contacts.totalSize > 0), true)
}

async function byFields() {
  const found = await conn
    .sobject('Account')
    .find({ Industry: 'Energy', Name: { $ne: null } }, ['Id', 'Name'])
    .sort({ Name: 1 })
    .limit(7)
  equal(found.length, 7)
}

async function search() {
  const made = await conn.sobject('Account').create({ Name: 'Findable by jsforce' })
  const { searchRecords } = await conn.search('FIND {Findable jsforce} RETURNING Account(Id, Name)')
  equal(searchRecords.map((one) => one.Id), [made.id])
}

async function single() {
  const accounts = conn.sobject('Account')
  const made = await accounts.create({ Name: 'Löwe & Söhne', NumberOfEmployees: 12 })
  equal([made.success, made.errors], [true, []])
  equal((await accounts.retrieve(made.id)).Name, 'Löwe & Söhne')
  equal((await accounts.update({ Id: made.id, Name: 'Löwe', Industry: null })).success, true)
  equal((await rows(`SELECT Name FROM Account WHERE Id = '${made.id}'`))[0].Name, 'Löwe')
  equal((await accounts.destroy(made.id)).success, true)
  equal(await count('Account', `Id = '${made.id}'`), 0)
}

async function upsert() {
  const traps = conn.sobject('Trap__c')
  const record = { Name: 'one', External_Id__c: 'jsforce-1' }
  equal((await traps.upsert(record, 'External_Id__c')).success, true)
  equal((await traps.upsert({ ...record, Name: 'two' }, 'External_Id__c')).success, true)
  equal((await rows("SELECT Name FROM Trap__c WHERE External_Id__c = 'jsforce-1'")).map((one) => one.Name), ['two'])
}

async function refused() {
  const failed = await conn
    .sobject('Contact')
    .create({ FirstName: 'Ann' })
    .catch((error) => error)
  equal([failed.errorCode, failed.data?.fields ?? failed.fields], ['REQUIRED_FIELD_MISSING', ['LastName']])
}

async function collections() {
  const accounts = conn.sobject('Account')
  await forget()
  const wanted = Array.from({ length: 250 }, (_, at) => ({ Name: `Collection ${at}` }))
  const made = await accounts.create(wanted, { allowRecursive: true })
  equal(made.filter((one) => one.success).length, 250)
  equal(await asked('POST', '/composite/sobjects'), 2, 'calls')
  const ids = made.map((one) => one.id)
  const changed = await accounts.update(
    ids.map((Id) => ({ Id, Industry: 'Energy' })),
    { allowRecursive: true },
  )
  equal(changed.every((one) => one.success), true)
  equal((await accounts.retrieve(ids.slice(0, 3))).map((one) => one.Industry), Array(3).fill('Energy'))
  const gone = await accounts.destroy(ids, { allowRecursive: true })
  equal(gone.every((one) => one.success), true)
  equal(await count('Account', "Name LIKE 'Collection %'"), 0)
}

async function collectionsUpsert() {
  const traps = conn.sobject('Trap__c')
  const records = [1, 2, 3].map((at) => ({ Name: `n${at}`, External_Id__c: `jsforce-c${at}` }))
  const first = await traps.upsert(records, 'External_Id__c')
  equal(first.map((one) => one.created), [true, true, true])
  const second = await traps.upsert(records, 'External_Id__c')
  equal(second.map((one) => one.created), [false, false, false])
}

async function collectionsPartly() {
  const accounts = [{ Name: 'kept' }, { Industry: 'Energy' }]
  const partly = await conn.sobject('Account').create(accounts)
  equal(partly.map((one) => one.success), [true, false])
  equal(partly[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING')
  const whole = await conn.sobject('Account').create(accounts, { allOrNone: true })
  equal(whole[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK')
}

async function changedAndDeleted() {
  const made = await conn.sobject('Account').create({ Name: 'gone' })
  await conn.sobject('Account').destroy(made.id)
  const [from, to] = [new Date(Date.now() - 300000), new Date(Date.now() + 300000)]
  const gone = await conn.sobject('Account').deleted(from, to)
  equal(gone.deletedRecords.some((one) => one.id === made.id), true)
  equal((await conn.sobject('Account').updated(from, to)).ids.length > 0, true)
}

async function bulk2Query() {
  await forget()
  const stream = await conn.bulk2.query('SELECT Id, Name FROM Contact')
  const found = await stream.toArray()
  equal(new Set(found.map((one) => one.Id)).size, await count('Contact'))
  equal(await asked('POST', '/jobs/query'), 1, 'jobs')
}

async function bulk2Ingest() {
  const input = Array.from({ length: 500 }, (_, at) => ({ Name: `Bulk2 "${at}",\n é` }))
  const made = await conn.bulk2.loadAndWaitForResults({ object: 'Account', operation: 'insert', input })
  equal(made.successfulResults.length, 500)
  equal(made.failedResults.length, 0)
  const ids = made.successfulResults.map((one) => one.sf__Id)
  const update = await conn.bulk2.loadAndWaitForResults({
    object: 'Account',
    operation: 'update',
    input: ids.map((Id) => ({ Id, Industry: 'Energy' })),
  })
  equal(update.successfulResults.length, 500)
  const where = "Name LIKE 'Bulk2 %' AND Industry = 'Energy'"
  equal(await count('Account', where), 500)
  const gone = await conn.bulk2.loadAndWaitForResults({
    object: 'Account',
    operation: 'delete',
    input: ids.map((Id) => ({ Id })),
  })
  equal(gone.successfulResults.length, 500)
  equal(await count('Account', where), 0)
}

async function bulk2Upsert() {
  const input = [1, 2].map((at) => ({ Name: `u${at}`, External_Id__c: `jsforce-u${at}` }))
  const job = { object: 'Trap__c', operation: 'upsert', externalIdFieldName: 'External_Id__c' }
  const first = await conn.bulk2.loadAndWaitForResults({ ...job, input })
  equal(first.successfulResults.map((one) => one.sf__Created), ['true', 'true'])
  const second = await conn.bulk2.loadAndWaitForResults({ ...job, input: [...input, { Name: 'x', External_Id__c: '' }] })
  equal(second.successfulResults.map((one) => one.sf__Created), ['false', 'false'])
  equal(second.failedResults.length, 1)
}

async function bulk1Query() {
  const stream = await conn.bulk.query('SELECT Id, Name FROM Contact')
  const found = await stream.toArray()
  equal(new Set(found.map((one) => one.Id)).size, await count('Contact'))
}

async function bulk1Ingest() {
  const records = Array.from({ length: 300 }, (_, at) => ({ Name: `Bulk1 ${at}` }))
  const made = await conn.bulk.load('Account', 'insert', records)
  equal(made.filter((one) => one.success).length, 300)
  const ids = made.map((one) => one.id)
  const changed = await conn.bulk.load('Account', 'update', ids.map((Id) => ({ Id, Industry: 'Energy' })))
  equal(changed.every((one) => one.success), true)
  equal(await count('Account', "Name LIKE 'Bulk1 %' AND Industry = 'Energy'"), 300)
  const gone = await conn.bulk.load('Account', 'delete', ids.map((Id) => ({ Id })))
  equal(gone.every((one) => one.success), true)
  equal(await count('Account', "Name LIKE 'Bulk1 %'"), 0)
}

async function bulk1Upsert() {
  const records = [1, 2].map((at) => ({ Name: `v${at}`, External_Id__c: `jsforce-v${at}` }))
  const made = await conn.bulk.load('Trap__c', 'upsert', { extIdField: 'External_Id__c' }, records)
  equal(made.map((one) => one.success), [true, true])
  equal(await count('Trap__c', "External_Id__c LIKE 'jsforce-v%'"), 2)
}

async function composite() {
  const answer = await conn.requestPost(`/services/data/v${VERSION}/composite`, {
    allOrNone: true,
    compositeRequest: [
      {
        method: 'POST',
        url: `/services/data/v${VERSION}/sobjects/Account`,
        referenceId: 'acme',
        body: { Name: 'Composite' },
      },
      {
        method: 'GET',
        url: `/services/data/v${VERSION}/sobjects/Account/@{acme.id}`,
        referenceId: 'read',
      },
    ],
  })
  equal(answer.compositeResponse.map((one) => one.httpStatusCode), [201, 200])
  equal(answer.compositeResponse[1].body.Name, 'Composite')
}

await main([
  { name: 'login by SOAP', run: soapLogin },
  { name: 'login by password', run: passwordLogin },
  { name: 'expired token renewed', run: refresh },
  { name: 'describe', run: describe },
  { name: 'limits', run: limits },
  { name: 'query, all pages', run: allPages },
  { name: 'queryAll', run: deletedToo },
  { name: 'parents and children', run: related },
  { name: 'find by fields', run: byFields },
  { name: 'search by SOSL', run: search },
  { name: 'create, read, update, delete one', run: single },
  { name: 'upsert one', run: upsert },
  { name: 'refusal with its fields', run: refused },
  { name: 'Collections: create, update, read, delete', run: collections },
  { name: 'Collections: upsert', run: collectionsUpsert },
  { name: 'Collections: partly, all or none', run: collectionsPartly },
  { name: 'Composite with references', run: composite },
  { name: 'updated and deleted', run: changedAndDeleted },
  { name: 'Bulk 2.0 query', run: bulk2Query },
  { name: 'Bulk 2.0 insert, update, delete', run: bulk2Ingest },
  { name: 'Bulk 2.0 upsert', run: bulk2Upsert },
  { name: 'Bulk 1.0 query', run: bulk1Query },
  { name: 'Bulk 1.0 insert, update, delete', run: bulk1Ingest },
  { name: 'Bulk 1.0 upsert', run: bulk1Upsert },
])
process.exit(0)
