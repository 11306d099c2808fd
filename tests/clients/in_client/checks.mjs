// Runs the checks of a client's program and prints how each went, a JSON line for each.

export const ORG = JSON.parse(process.env.LOCAL_ORG)

// Each check is {name, run, blocked, failsWith}: `blocked` tells the client's own defect on which
// it fails, with words of its error in `failsWith`.
export async function main(checks) {
  for (const check of checks) {
    console.log(JSON.stringify({ check: check.name, ...(await outcome(check)) }))
  }
}

async function outcome(check) {
  try {
    await check.run()
  } catch (error) {
    const told = `${error?.name}: ${error?.message}`
    if (check.blocked && told.includes(check.failsWith)) {
      return { result: 'blocked', why: check.blocked }
    }
    console.error(error)
    return { result: 'fails', why: told }
  }
  if (check.blocked) {
    return { result: 'fails', why: `it passes although it should not: ${check.blocked}` }
  }
  return { result: 'passes', why: '' }
}

// What the org itself says, past the client.
export async function ask(path, method = 'GET', body = undefined) {
  const answer = await fetch(ORG.http + path, {
    method,
    headers: {
      Authorization: `Bearer ${ORG.access_token}`,
      'Content-Type': 'application/json',
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}

// The rows of one page that a statement has, past the client.
export async function rows(soql) {
  return (await ask(`/services/data/v60.0/query?q=${encodeURIComponent(soql)}`)).records
}

export async function count(sobject, where = '') {
  const soql = `SELECT COUNT() FROM ${sobject}` + (where ? ` WHERE ${where}` : '')
  return (await ask(`/services/data/v60.0/query?q=${encodeURIComponent(soql)}`)).totalSize
}

// How many requests of that method the org has seen whose path has `part`, since `forget`.
export async function asked(method, part) {
  const seen = await ask('/__isthmus__/requests')
  return seen.filter((one) => one.method === method && one.path.includes(part)).length
}

export const forget = () => ask('/__isthmus__/requests', 'DELETE')

export function equal(found, wanted, what = 'value') {
  const [left, right] = [found, wanted].map((one) => JSON.stringify(one))
  if (left !== right) throw new Error(`${what}: ${left} is not ${right}`)
}
