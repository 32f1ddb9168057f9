// What runs inside workerd with nodejs_compat: PostgreSQL's drivers over the Duplex, over raw TCP. Bundled by wrangler, as
// deployed Workers are.
import pg from 'pg'
import postgres from 'postgres'
import { duplex } from '../../src/duplex/index.js'
import { createDialer, type WorkerDialerOptions } from '../../src/platform/workerd/index.js'

const user = { user: 'postgres', database: 'postgres' }

export async function answer(request: Request): Promise<Response> {
  const { driver, dialer: options } = (await request.json()) as {
    driver: 'pg' | 'postgres'
    dialer: WorkerDialerOptions
  }
  const dialer = createDialer(options)
  try {
    return Response.json(
      await (driver === 'pg' ? byPg(() => duplex(dialer)) : byPostgres(() => duplex(dialer))),
    )
  } catch (thrown) {
    return Response.json({ error: String(thrown) })
  } finally {
    await dialer.close()
  }
}

async function byPg(connect: () => ReturnType<typeof duplex>): Promise<unknown> {
  const pool = new pg.Pool({ ...user, ssl: false, max: 3, stream: connect as never })
  const sums = await Promise.all([1, 2, 3, 4].map((n) => pool.query('select $1::int * 2 as n', [n])))
  const large = await pool.query("select repeat('y', 1048576) as text from generate_series(1, 4)")
  const failed = await pool.query('select 1/0').catch((error: { code?: string }) => error.code)
  await pool.end()
  return {
    sums: sums.map(({ rows }) => rows[0].n),
    large: large.rows.map(({ text }) => text.length),
    failed,
  }
}

async function byPostgres(connect: () => ReturnType<typeof duplex>): Promise<unknown> {
  const options = { ...user, host: 'db.test', max: 3, socket: connect }
  const sql = postgres(options as postgres.Options<Record<string, never>>)
  const rows = await Promise.all([1, 2, 3, 4].map((n) => sql`select ${n}::int * 2 as n`))
  const large = await sql`select repeat('y', 1048576) as text from generate_series(1, 4)`
  const failed = await sql`select 1/0`.catch((error: { code?: string }) => error.code)
  await sql.end()
  return {
    sums: rows.map(([row]) => row?.n),
    large: large.map(({ text }) => (text as string).length),
    failed,
  }
}
