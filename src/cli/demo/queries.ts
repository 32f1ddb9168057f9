// What the demo asks of the database through the tunnel: a few real queries, a large result and a large parameter, each
// checked against what it must be.

import type { Duplex } from 'node:stream'
import { failure } from '../../errors-node.js'

/** What came back, in rows and in bytes of values. */
export interface QueryReport {
  readonly rows: number
  readonly bytes: number
  readonly version: string
}

const MEGABYTE = 1024 * 1024
const LARGE_RESULT = 8 * MEGABYTE
const LARGE_PARAMETER = MEGABYTE
const ROW = 64 * 1024

/** Runs the queries with a real `pg` client over the stream that `open` returns. `step` is told before each. */
export async function runQueries(open: () => Duplex, step: (what: string) => void): Promise<QueryReport> {
  const { default: pg } = await load()
  const client = new pg.Client({
    user: 'postgres',
    database: 'postgres',
    ssl: false, // the inner TLS of the tunnel is end to end already
    stream: open as unknown as () => never,
  })
  await client.connect()
  try {
    step('create a table, insert and read rows')
    await client.query('create temporary table orders (id serial primary key, item text, price numeric)')
    const orders = [
      ['tunnel', '12.50'],
      ['lamp', '3.20'],
      ['sign', '7.00'],
    ]
    for (const order of orders) await client.query('insert into orders (item, price) values ($1, $2)', order)
    const sum = await client.query('select count(*)::int as count, sum(price)::text as sum from orders')
    expect(sum.rows[0].count === 3 && sum.rows[0].sum === '22.70', 'the orders do not add up')

    step(`read a result of ${LARGE_RESULT / MEGABYTE} MiB`)
    const large = await client.query({
      text: 'select i, repeat(chr(65 + i % 26), $1) as filler from generate_series(0, $2 - 1) as i',
      values: [ROW, LARGE_RESULT / ROW],
      rowMode: 'array',
    })
    let bytes = 0
    large.rows.forEach(([i, filler], index) => {
      const letter = String.fromCharCode(65 + (index % 26))
      expect(i === index && filler === letter.repeat(ROW), `row ${index} of the large result is wrong`)
      bytes += filler.length
    })
    expect(bytes === LARGE_RESULT, 'the large result is short')

    step(`send a parameter of ${LARGE_PARAMETER / MEGABYTE} MiB`)
    const parameter = 'underpass'.repeat(LARGE_PARAMETER / 8).slice(0, LARGE_PARAMETER)
    const echo = await client.query(
      'select length($1::text) as length, md5($1::text) as md5, $1::text as text',
      [parameter],
    )
    expect(
      echo.rows[0].length === LARGE_PARAMETER && echo.rows[0].text === parameter,
      'the parameter came back changed',
    )

    const version = await client.query('show server_version')
    return {
      rows: 1 + large.rows.length + 1 + 1,
      bytes: bytes + LARGE_PARAMETER,
      version: version.rows[0].server_version,
    }
  } finally {
    await client.end()
  }
}

async function load(): Promise<typeof import('pg')> {
  try {
    return await import('pg')
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', 'the demo needs the PostgreSQL client, which is not installed', {
      cause,
      hint: 'Run `npm install pg` beside underpass.',
    })
  }
}

function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw failure('ERR_INTERNAL', what)
}
