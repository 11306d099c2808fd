// What the data commands of the sf command line do against a local org.

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { ORG, asked, count, equal, forget, main, rows } from './checks.mjs'

const run = promisify(execFile)
const env = {
  ...process.env,
  SF_ACCESS_TOKEN: ORG.access_token,
  SF_DISABLE_TELEMETRY: 'true',
  SF_AUTOUPDATE_DISABLE: 'true',
  SF_SKIP_NEW_VERSION_CHECK: 'true',
  SF_USE_GENERIC_UNIX_KEYCHAIN: 'true',
  SF_HIDE_RELEASE_NOTES: 'true',
  SF_LOG_LEVEL: 'fatal',
  SF_DISABLE_LOG_FILE: 'true',
}

// A command's result; an error with what it told when it fails.
async function sf(...args) {
  try {
    const { stdout } = await run('sf', [...args, '--json'], { env, maxBuffer: 1 << 28 })
    return JSON.parse(stdout).result
  } catch (error) {
    throw Object.assign(new Error(`sf ${args.join(' ')}: ${error.stdout || error.stderr || error}`), {
      told: error.stdout,
    })
  }
}

const on = ['--target-org', 'local']

async function login() {
  const login = ['org', 'login', 'access-token', '--instance-url', ORG.https, '--no-prompt']
  const told = await sf(...login, '--alias', 'local')
  equal([told.username, told.accessToken !== undefined], [ORG.username, true])
}

async function display() {
  const told = await sf('org', 'display', ...on)
  equal([told.username, told.connectedStatus, told.instanceUrl], [ORG.username, 'Connected', ORG.https + '/'])
}

async function limits() {
  const told = await sf('org', 'list', 'limits', ...on)
  equal(told.some((one) => one.name === 'DailyApiRequests'), true)
}

async function describe() {
  const fields = (await sf('sobject', 'describe', '--sobject', 'Account', ...on)).fields
  equal(fields.some((one) => one.name === 'SystemModstamp'), true)
  equal((await sf('sobject', 'list', '--sobject', 'all', ...on)).includes('Trap__c'), true)
}

async function query() {
  await forget()
  const told = await sf('data', 'query', '--query', 'SELECT Id, Owner.Name FROM Contact', ...on)
  equal(new Set(told.records.map((one) => one.Id)).size, await count('Contact'))
  equal((await asked('GET', '/query/01g')) > 1, true, 'more than one page')
}

async function deletedToo() {
  const soql = 'SELECT Id, IsDeleted FROM Account'
  const told = await sf('data', 'query', '--query', soql, '--all-rows', ...on)
  equal(told.records.some((one) => one.IsDeleted), true)
}

async function csv() {
  const soql = 'SELECT Id, Name FROM Account ORDER BY Id LIMIT 3'
  const { stdout } = await run('sf', ['data', 'query', '--query', soql, '--result-format', 'csv', ...on], { env })
  equal(stdout.split('\n')[0].trim(), 'Id,Name')
  equal(stdout.includes((await rows(soql))[2].Id), true)
}

async function refusedQuery() {
  const error = await sf('data', 'query', '--query', 'SELECT Nmae FROM Account', ...on).catch((e) => e)
  equal(JSON.parse(error.told).name, 'INVALID_FIELD')
}

async function single() {
  const about = ['--sobject', 'Account', ...on]
  const made = await sf('data', 'create', 'record', ...about, '--values', "Name='Löwe & Söhne' NumberOfEmployees=12")
  equal(made.success, true)
  const read = await sf('data', 'get', 'record', ...about, '--record-id', made.id)
  equal([read.Name, read.NumberOfEmployees], ['Löwe & Söhne', 12])
  await sf('data', 'get', 'record', ...about, '--where', "Name='Löwe & Söhne'")
  await sf('data', 'update', 'record', ...about, '--record-id', made.id, '--values', "Name='Löwe'")
  equal((await rows(`SELECT Name FROM Account WHERE Id = '${made.id}'`))[0].Name, 'Löwe')
  await sf('data', 'delete', 'record', ...about, '--record-id', made.id)
  equal(await count('Account', `Id = '${made.id}'`), 0)
}

async function refusedRecord() {
  const create = ['data', 'create', 'record', '--sobject', 'Contact', '--values', 'FirstName=Ann']
  const error = await sf(...create, ...on).catch((e) => e)
  equal(JSON.parse(error.told).name, 'REQUIRED_FIELD_MISSING')
}

async function tree() {
  const soql =
    "SELECT Name, Industry, (SELECT LastName, Email FROM Contacts) FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND Name != null LIMIT 3"
  const [before, people] = [await count('Account'), await count('Contact')]
  await sf('data', 'export', 'tree', '--query', soql, '--plan', '--output-dir', '.', ...on)
  const plan = JSON.parse(await readFile('Account-Contact-plan.json'))
  equal(plan.map((one) => one.sobject), ['Account', 'Contact'])
  const told = await sf('data', 'import', 'tree', '--plan', 'Account-Contact-plan.json', ...on)
  equal((await count('Account')) - before, 3)
  equal((await count('Contact')) - people, told.filter((one) => one.type === 'Contact').length)
}

async function bulkExport() {
  await forget()
  const to = ['--output-file', 'contacts.csv', '--wait', '1', '--result-format', 'csv']
  await sf('data', 'export', 'bulk', '--query', 'SELECT Id FROM Contact', ...to, ...on)
  const ids = (await readFile('contacts.csv', 'utf8')).trim().split('\n').slice(1)
  equal(new Set(ids).size, await count('Contact'))
  equal(await asked('POST', '/jobs/query'), 1, 'jobs')
}

const wait = ['--wait', '2', ...on]

async function bulkImport() {
  const names = Array.from({ length: 300 }, (_, at) => `"Bulk sf ${at}"`)
  await writeFile('accounts.csv', ['Name', ...names].join('\n') + '\n')
  const told = await sf('data', 'import', 'bulk', '--sobject', 'Account', '--file', 'accounts.csv', ...wait)
  equal([told.processedRecords, told.successfulRecords, told.failedRecords], [300, 300, 0])
  equal(await count('Account', "Name LIKE 'Bulk sf %'"), 300)
}

async function bulkUpdate() {
  const found = await rows("SELECT Id FROM Account WHERE Name LIKE 'Bulk sf %' LIMIT 200")
  await writeFile('changes.csv', ['Id,Industry', ...found.map((one) => `${one.Id},Energy`)].join('\n') + '\n')
  const told = await sf('data', 'update', 'bulk', '--sobject', 'Account', '--file', 'changes.csv', ...wait)
  equal(told.successfulRecords, found.length)
  equal(await count('Account', "Name LIKE 'Bulk sf %' AND Industry = 'Energy'"), found.length)
}

async function bulkDelete() {
  const found = await rows("SELECT Id FROM Account WHERE Name LIKE 'Bulk sf %' LIMIT 200")
  const before = await count('Account', "Name LIKE 'Bulk sf %'")
  await writeFile('gone.csv', ['Id', ...found.map((one) => one.Id)].join('\n') + '\n')
  await sf('data', 'delete', 'bulk', '--sobject', 'Account', '--file', 'gone.csv', ...wait)
  equal(await count('Account', "Name LIKE 'Bulk sf %'"), before - found.length)
}

async function bulkUpsert() {
  await writeFile('traps.csv', 'Name,External_Id__c\none,sf-1\ntwo,sf-2\n')
  const upsert = ['data', 'upsert', 'bulk', '--sobject', 'Trap__c', '--file', 'traps.csv']
  for (let time = 0; time < 2; time += 1) {
    await sf(...upsert, '--external-id', 'External_Id__c', ...wait)
  }
  equal(await count('Trap__c', "External_Id__c IN ('sf-1', 'sf-2')"), 2)
}

async function bulkResults() {
  await writeFile('people.csv', 'FirstName,LastName\nAnn,Good\nBad,\n')
  const load = ['data', 'import', 'bulk', '--sobject', 'Contact', '--file', 'people.csv']
  const error = await sf(...load, ...wait).catch((e) => e)
  const id = /750\w{15}/.exec(error.told)[0]
  const told = await sf('data', 'bulk', 'results', '--job-id', id, ...on)
  equal([told.successfulRecords, told.failedRecords], [1, 1])
  equal((await readFile(told.failedFilePath, 'utf8')).includes('REQUIRED_FIELD_MISSING'), true)
}

async function search() {
  const made = await sf('data', 'create', 'record', '--sobject', 'Account', '--values', 'Name=Findable', ...on)
  const sosl = 'FIND {Findable} IN ALL FIELDS RETURNING Account(Id, Name)'
  const told = await sf('data', 'search', '--query', sosl, ...on)
  equal(told.searchRecords.map((one) => one.Id), [made.id])
}

await main([
  { name: 'org login access-token', run: login },
  { name: 'org display', run: display },
  { name: 'org list limits', run: limits },
  { name: 'sobject describe and list', run: describe },
  { name: 'data query, all pages', run: query },
  { name: 'data query --all-rows', run: deletedToo },
  { name: 'data query as CSV', run: csv },
  { name: 'data query refused', run: refusedQuery },
  { name: 'data create, get, update, delete record', run: single },
  { name: 'data create record refused', run: refusedRecord },
  { name: 'data export and import tree', run: tree },
  { name: 'data export bulk', run: bulkExport },
  { name: 'data import bulk', run: bulkImport },
  { name: 'data update bulk', run: bulkUpdate },
  { name: 'data delete bulk', run: bulkDelete },
  { name: 'data upsert bulk', run: bulkUpsert },
  { name: 'data bulk results', run: bulkResults },
  { name: 'data search', run: search },
])
process.exit(0)
