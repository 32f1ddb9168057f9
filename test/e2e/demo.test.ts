// `underpass demo` as a stranger runs it: a process of its own, its JSON, its exit status, its local port, and Ctrl-C.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../structure/source.js'
import { type Build, buildPackage } from '../support/build.js'

let build: Build
let data: string

beforeAll(async () => {
  build = await buildPackage(projectRoot)
  data = await mkdtemp(join(tmpdir(), 'underpass-demo-'))
}, 120_000)

afterAll(async () => {
  await build.remove()
  await rm(data, { recursive: true, force: true })
})

const main = () => build.command

describe('underpass demo', { timeout: 120_000 }, () => {
  it('--once --json prints one object and exits 0', async () => {
    const { stdout, stderr } = await run(['demo', '--once', '--json', '--data', data])
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toBe('')
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      ok: true,
      verdict: 'upgrade',
      framing: 'websocket',
      tls: {
        version: 'TLSv1.3',
        group: 'X25519',
        alpn: 'teleport-postgres-ping',
        serverName: 'gateway.underpass.internal',
        clientCertificate: true,
      },
    })
    expect(report.evidence.length).toBeGreaterThan(0)
    expect(report.rows).toBeGreaterThanOrEqual(128)
    expect(report.bytes).toBeGreaterThanOrEqual(9 * 1024 * 1024)
    expect(Object.keys(report.timings)).toEqual(
      expect.arrayContaining(['tcp', 'outerTls', 'upgrade', 'innerTls', 'total', 'queries']),
    )
  })

  it('--once draws both handshakes on stderr and nothing on stdout', async () => {
    const { stdout, stderr } = await run(['demo', '--once', '--data', data])
    expect(stdout).toBe('')
    for (const rung of ['outer TLS', 'inner TLS', 'GET /webapi/connectionupgrade', '101', 'verdict: upgrade'])
      expect(stderr).toContain(rung)
    expect(stderr).not.toContain('\x1b[')
    expect(stderr).not.toMatch(/PRIVATE KEY|_SECRET/)
  })

  it('stays up with a port for any client, and ends cleanly on SIGINT', async () => {
    const child = spawn(process.execPath, [main(), 'demo', '--json', '--data', data], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    try {
      const port = JSON.parse(await firstLine(child)).listen
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
      await client.connect()
      expect((await client.query('select 6 * 7 as answer')).rows).toEqual([{ answer: 42 }])
      await client.end()
      child.kill('SIGINT')
      const [status] = await once(child, 'exit')
      expect(status).toBe(0)
      await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      })
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('underpass', () => {
  it.each([
    ['an unknown command', ['dmeo'], 'ERR_CONFIG_INVALID'],
    ['an unknown flag', ['demo', '--onse'], 'ERR_CONFIG_INVALID'],
  ])('refuses %s with exit status 2', async (_, args, code) => {
    const failed = await run(args).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 2, stdout: '' })
    expect((failed as { stderr: string }).stderr).toContain(code)
  })

  it.each([[['--help']], [['help', 'demo']], [['demo', '--help']], [['--version']]])(
    'answers %j on stdout',
    async (args) => {
      const { stdout, stderr } = await run(args)
      expect(stdout).not.toBe('')
      expect(stderr).toBe('')
    },
  )
})

function run(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [main(), ...args], { env: { ...process.env, NO_COLOR: '1' } })
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout!) {
    text += chunk
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error('the demo ended without a line')
}
