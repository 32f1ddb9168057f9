// `npm run dev:worker` as a developer runs it: everything up, a query and a tunnel through it, and nothing left at the end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, it } from 'vitest'
import { duplex } from '../../src/duplex/index.js'
import { projectRoot } from '../structure/source.js'
import { freePort } from '../support/servers/index.js'
import { pageDialer } from './support.js'

interface Ready {
  readonly url: string
  readonly token: string
  readonly origin: string
  readonly serverName: string
  readonly hostCa: string
  readonly certificate: string
  readonly privateKey: string
}

it('npm run dev:worker', { timeout: 120_000 }, async () => {
  const data = await mkdtemp(join(tmpdir(), 'underpass-dev-test-'))
  const port = String(await freePort())
  const script = join('scripts', 'run.mjs')
  const child = spawn(process.execPath, [script, 'dev-worker', '--json', '--port', port, '--data', data], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const ready = await firstLine(child)
    const headers = { Authorization: `Bearer ${ready.token}`, Origin: ready.url }
    const body = JSON.stringify({ sql: 'select 6 * 7 as answer' })
    const answer = await fetch(`${ready.url}/agent/postgres/query`, { method: 'POST', headers, body })
    expect(await answer.json()).toMatchObject({ columns: ['answer'], rows: [['42']] })
    expect((await fetch(`${ready.url}/agent/web/hello`, { headers })).status).toBe(200)
    expect((await fetch(`${ready.url}/agent/web/hello`)).status).toBe(401)
    expect(await answerThroughTunnel(ready, headers)).toEqual([{ answer: 43 }])

    const exited = once(child, 'exit')
    child.kill('SIGINT')
    expect(await exited).toEqual([0, null])
    for (const url of [ready.url, ready.origin]) {
      await expect(once(connect(Number(new URL(url).port), '127.0.0.1'), 'connect')).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      })
    }
  } finally {
    child.kill('SIGKILL')
    await rm(data, { recursive: true, force: true })
  }
})

/** As a page does it: a ticket, a WebSocket, its own mutual TLS, and a PostgreSQL client inside. */
async function answerThroughTunnel(ready: Ready, headers: Record<string, string>): Promise<unknown> {
  const ticket = await fetch(`${ready.url}/tunnel/postgres/ticket`, { method: 'POST', headers })
  const { path } = (await ticket.json()) as { path: string }
  const { certificate, privateKey } = ready
  const dialer = pageDialer({
    origin: ready.url,
    path,
    headers: { Origin: ready.url },
    serverName: ready.serverName,
    trust: ready.hostCa,
    identity: { certificate, privateKey },
    alpn: ['teleport-postgres-ping'],
  })
  const client = new pg.Client({
    user: 'postgres',
    database: 'postgres',
    ssl: false,
    stream: () => duplex(dialer),
  })
  await client.connect()
  const { rows } = await client.query('select 43 as answer')
  await client.end()
  await dialer.close()
  return rows
}

async function firstLine(child: ChildProcess): Promise<Ready> {
  let text = ''
  let complaints = ''
  child.stderr!.on('data', (chunk) => {
    complaints += chunk
  })
  for await (const chunk of child.stdout!) {
    text += chunk
    const end = text.indexOf('\n')
    if (end >= 0) return JSON.parse(text.slice(0, end)) as Ready
  }
  throw new Error(`it ended before it was ready: ${complaints}`)
}
