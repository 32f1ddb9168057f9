// /agent/<target>/query: one statement to PostgreSQL at the far end of a tunnel, in a read-only transaction, with `pg`
// over the library's Duplex. An example of a database driver in a Worker; results come as text, as the database wrote them.
import type { QueryArrayConfig } from 'pg'
import { duplex } from 'underpass/duplex'
import type { Admitted } from './admission.js'
import { dialerFor } from './dialing.js'
import { log } from './log.js'
import type { Limits } from './policy.js'
import { Refusal } from './refusal.js'

const maxRequest = 64 * 1024

interface Question {
  readonly sql: string
  readonly values: ReadonlyArray<string | number | boolean | null>
}

/** Throws ERR_QUERY_*, ERR_METHOD and TunnelErrors. */
export async function query(
  request: Request,
  { subject, target }: Admitted,
  limits: Limits,
): Promise<Response> {
  if (request.method !== 'POST') throw new Refusal('ERR_METHOD', { headers: { Allow: 'POST' } })
  const question = await readQuestion(request)
  const { database, alpn } = target.agent!
  const began = Date.now()
  // Loaded with the first query: the relay starts without it.
  const { default: pg } = await import('pg')
  const dialer = await dialerFor(target, target.agent!, limits)
  const stream = duplex(dialer, { alpn: [alpn] })
  let late = false
  const timer = setTimeout(() => {
    late = true
    stream.destroy()
  }, limits.responseSeconds * 1000)
  stream.on('data', () => {
    if (stream.bytesRead > limits.queryBytes) stream.destroy()
  })
  try {
    const client = new pg.Client({ ...database!, ssl: false, stream: () => stream })
    // What breaks between queries is told by the next one.
    client.on('error', () => {})
    await client.connect()
    await client.query('BEGIN READ ONLY')
    const { fields, rows, rowCount } = await client.query({
      text: question.sql,
      // With values the statement is prepared, and a prepared statement is one.
      values: [...question.values],
      queryMode: 'extended',
      rowMode: 'array',
      types: { getTypeParser: () => (value: unknown) => value },
    } as QueryArrayConfig)
    await client.end()
    const ms = Date.now() - began
    log({
      event: 'agent',
      route: '/agent',
      target: target.name,
      subject,
      down: stream.bytesRead,
      ms,
      code: 'ok',
    })
    return Response.json(
      { columns: fields.map(({ name }) => name), rows, rowCount, ms },
      { headers: { 'Cache-Control': 'no-store' } },
    )
  } catch (thrown) {
    if (late) throw new Refusal('ERR_QUERY_TIMEOUT')
    if (stream.bytesRead > limits.queryBytes) throw new Refusal('ERR_QUERY_RESULT')
    throw refusalOf(thrown)
  } finally {
    clearTimeout(timer)
    stream.destroy()
    await dialer.close()
  }
}

async function readQuestion(request: Request): Promise<Question> {
  const text = await boundedText(request)
  try {
    const { sql, values = [] } = JSON.parse(text) as { sql?: unknown; values?: unknown }
    const plain =
      Array.isArray(values) &&
      values.every((value) => value === null || ['string', 'number', 'boolean'].includes(typeof value))
    if (typeof sql === 'string' && sql.trim() !== '' && plain)
      return { sql, values: values as Question['values'] }
  } catch {}
  throw new Refusal('ERR_QUERY_REQUEST')
}

async function boundedText(request: Request): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of request.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > maxRequest) throw new Refusal('ERR_QUERY_REQUEST')
  }
  return text + decoder.decode()
}

/** The database's own errors carry an SQLSTATE; who may ask may read them. */
function refusalOf(thrown: unknown): unknown {
  const { severity, code, message } = (thrown ?? {}) as {
    severity?: unknown
    code?: unknown
    message?: unknown
  }
  if (typeof severity !== 'string' || typeof code !== 'string') return thrown
  return new Refusal('ERR_QUERY_FAILED', {
    facts: { sqlstate: code, database: String(message).slice(0, 500) },
  })
}
