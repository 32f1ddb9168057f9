// How the command line behaves whatever the command: where it prints, what it exits with, where settings come from, what it
// says to mistakes.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, stat, symlink } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutput } from '../../src/cli/output.js'
import { errorSchema } from '../../src/cli/schemas.js'
import { type TemporaryFolder, temporaryFolder } from '../support/files.js'
import { buildCli, type Cli, ending, runHere } from './run.js'

let cli: Cli
let folder: TemporaryFolder

beforeAll(async () => {
  ;[cli, folder] = await Promise.all([buildCli(), temporaryFolder('cli')])
}, 120_000)

afterAll(async () => {
  await cli?.remove()
  await folder?.remove()
})

/** A port of this machine that nobody listens on. */
const nobody = 'https://127.0.0.1:1'

describe('usage', () => {
  it.each([
    [['detcet', nobody], 'there is no command "detcet"', '`underpass detect`'],
    [['detect', '--orign-trust', 'x', nobody], 'there is no option `--orign-trust`', '`--origin-trust`'],
    [['doctor', '--path'], '`--path` needs a value', '--help'],
    [['detect', '--path', '--json', nobody], '`--path` needs a value', '--help'],
    [['detect', 'a', 'b'], '"b" is one word too many', 'Usage: underpass detect'],
    [['detect'], 'an origin is missing', 'https://proxy.example.com'],
    [['completions', 'fissh'], 'there is no shell "fissh" here', '`fish`'],
    [['detect', '--json=perhaps', nobody], 'is a switch and takes no value', '--help'],
    [
      ['inspect', '--trust-system', '--mode', 'carrier-pigeon', nobody],
      '--mode must be one of auto, direct',
      '--help',
    ],
    [['detect', '--connect-timeout', '5', nobody], '--connect-timeout must be a duration', '--help'],
    [['detect', '--connect-timeout', '600h', nobody], '--connect-timeout is longer than 596h', '--help'],
    [
      ['proxy', '--listen', 'tcp://127.0.0.1:0?alpn=a', '--trust-system', '--spare', '-1', nobody],
      '--spare must be a whole number',
      '--help',
    ],
    [['inspect', '--trust', '/nowhere/ca.pem', nobody], '--trust: cannot read /nowhere/ca.pem (ENOENT)', ''],
  ])('%j is refused with exit status 2 and the next step', async (args, detail, hint) => {
    const { status, stdout, stderr } = await runHere(args)
    expect({ status, stdout }).toEqual({
      status: 2,
      stdout: args.includes('--json') ? expect.anything() : '',
    })
    expect(stderr).toContain('ERR_CONFIG_INVALID')
    expect(stderr).toContain(detail)
    expect(stderr).toContain(hint)
  })

  it('prints errors as one object with --json, and the person still reads them on stderr', async () => {
    const { status, stdout, stderr } = await runHere(['detect', '--json', '--connect-timeout', '20s', nobody])
    expect(status).toBe(3)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const object = JSON.parse(stdout)
    expect(object).toMatchObject({
      schema: 'underpass/error/1',
      ok: false,
      code: 'ERR_DIAL_REFUSED',
      blame: 'network',
      exitStatus: 3,
    })
    expect(new Ajv().validate(errorSchema, object)).toBe(true)
    expect(stderr).toContain('ERR_DIAL_REFUSED')
    expect(stderr).toContain('try:')
  })

  it.each([
    [['detect', '--aln', 'x'], { UNDERPASS_JSON: '1' }, true],
    [['detect', '--json=true', '--aln', 'x'], {}, true],
    [['detect', '--json', '--no-json', '--aln', 'x'], {}, false],
    [['detect', '--no-json', '--aln', 'x'], { UNDERPASS_JSON: '1' }, false],
  ])(
    '%j with %j: a mistake in the words is an object too, where one was asked for',
    async (args, env, object) => {
      const { status, stdout } = await runHere(args, { env })
      expect(status).toBe(2)
      if (object) expect(JSON.parse(stdout)).toMatchObject({ code: 'ERR_CONFIG_INVALID', exitStatus: 2 })
      else expect(stdout).toBe('')
    },
  )

  it('--schema describes what an error prints too', async () => {
    const schema = JSON.parse((await runHere(['detect', '--schema'])).stdout) as object
    const ran = await runHere(['detect', '--json', nobody])
    expect(new Ajv().validate(schema, JSON.parse(ran.stdout))).toBe(true)
  })

  it('an error replaces the step that was under way on a terminal', () => {
    let screen = ''
    const terminal = { isTTY: true, write: (text: string) => void (screen += text) }
    const output = createOutput({ stdout: terminal, stderr: terminal, env: {}, color: false })
    output.progress('detect')
    output.error('ERR_DIAL_REFUSED')
    expect(screen).toBe('… detect\r\x1b[KERR_DIAL_REFUSED\n')
  })

  it('suggests no long form of `-h`', async () => {
    expect((await runHere(['detect', '-v'])).stderr).not.toContain('Did you mean')
  })

  it('tells an error even with --quiet, and nothing else', async () => {
    const { stdout, stderr } = await runHere(['detect', '--quiet', nobody])
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^ERR_DIAL_REFUSED/)
  })

  it('is the same as a process of its own', async () => {
    for (const args of [['detcet', nobody], ['detect', '--json', nobody], ['help', 'detect'], ['--version']])
      expect(await cli.run(args)).toEqual(await runHere(args))
  })

  it('takes `help <command>`, and suggests there too', async () => {
    expect((await runHere(['help', 'detect'])).stdout).toMatch(/^Usage: underpass detect/)
    expect((await runHere(['help', 'inspct'])).stderr).toContain('`underpass inspect`')
  })

  it('ends without a stack where its reader ends first', async () => {
    const out = execFileSync(
      '/bin/sh',
      ['-c', `"${process.execPath}" "${cli.main}" completions fish | head -n 1`],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    expect(out).toBe('# fish completion for underpass\n')
  })
})

describe('secrets', () => {
  it.each([
    [['inspect', '--passphrase', 'hunter2', nobody], '`--passphrase-file FILE`'],
    [['inspect', '--passphrase=hunter2', nobody], 'UNDERPASS_PASSPHRASE'],
    [['detect', '--header', 'Authorization: Bearer hunter2', nobody], '--header-file'],
    [['detect', '--header', 'CF-Access-Client-Secret: hunter2', nobody], '--header-command'],
    [['detect', '--outbound-proxy', 'http://me:hunter2@proxy:3128', nobody], 'UNDERPASS_OUTBOUND_PROXY'],
    [['detect', '--outbound-proxy', 'me:hunter2@proxy:3128', nobody], 'UNDERPASS_OUTBOUND_PROXY'],
  ])('%j is refused, without repeating it', async (args, hint) => {
    const { status, stdout, stderr } = await runHere(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('on the command line')
    expect(stderr).toContain(hint)
    expect(stderr).not.toContain('hunter2')
  })

  it('of TLS go into a file of their owner, and never through a link', async () => {
    const [keys, other, link] = ['keys', 'other', 'link'].map((name) => join(folder.path, name))
    await folder.write('keys', '')
    await folder.write('other', '')
    await chmod(other!, 0o644)
    await symlink(other!, link!)
    const inspect = (path: string) =>
      runHere(['inspect', '--trust-system', '--alpn', 'a', '--keylog', path, nobody])
    expect((await inspect(keys!)).stderr).toContain('ERR_DIAL_REFUSED')
    expect((await stat(keys!)).mode & 0o777).toBe(0o600)
    expect((await inspect(link!)).stderr).toContain(`cannot write the keylog ${link} (ELOOP)`)
    expect((await stat(other!)).mode & 0o777).toBe(0o644)
    expect((await inspect('/dev/null')).stderr).toContain('cannot write the keylog /dev/null (no plain file)')
  })

  it('are taken from the environment, where only their owner reads them', async () => {
    const { stderr } = await runHere(['detect', nobody], {
      env: { UNDERPASS_HEADER: 'Authorization: Bearer hunter2' },
    })
    expect(stderr).toContain('ERR_DIAL_REFUSED')
    expect(stderr).not.toContain('hunter2')
  })
})

describe('settings', () => {
  it('a flag wins over the environment, the environment over the file', async () => {
    const file = await folder.write('order.toml', 'connect-timeout = "wrong-file"\n')
    const env = { UNDERPASS_CONFIG: file, UNDERPASS_CONNECT_TIMEOUT: 'wrong-variable' }
    expect((await runHere(['detect', nobody], { env: { UNDERPASS_CONFIG: file } })).stderr).toContain(
      '`connect-timeout` in order.toml must be a duration',
    )
    expect((await runHere(['detect', nobody], { env })).stderr).toContain(
      'UNDERPASS_CONNECT_TIMEOUT must be a duration',
    )
    const flagged = await runHere(['detect', '--connect-timeout', 'wrong-flag', nobody], { env })
    expect(flagged.stderr).toContain('--connect-timeout must be a duration')
    expect((await runHere(['detect', '--connect-timeout', '20s', nobody], { env })).status).toBe(3)
  })

  it('a switch of the environment can be taken back by its negation', async () => {
    const env = { UNDERPASS_JSON: '1' }
    expect((await runHere(['detect', nobody], { env })).stdout).toContain('underpass/error/1')
    expect((await runHere(['detect', '--no-json', nobody], { env })).stdout).toBe('')
    expect((await runHere(['detect', nobody], { env: { UNDERPASS_JSON: 'perhaps' } })).stderr).toContain(
      'UNDERPASS_JSON must be true or false',
    )
  })

  it('keys of the file are spelled either way, and a table of the command wins', async () => {
    const file = await folder.write(
      'tables.toml',
      'connectTimeout = "20s"\n[doctor]\nconnect-timeout = "wrong"\n[detect]\nconnectTimeout = "10s"\n',
    )
    expect((await runHere(['detect', '--config', file, nobody])).status).toBe(3)
    expect((await runHere(['doctor', '--config', file, nobody])).stderr).toContain('must be a duration')
  })

  it('paths in the file are relative to the file', async () => {
    const file = await folder.write('paths.toml', 'origin-trust = ["missing.pem"]\n')
    const { stderr } = await runHere(['detect', '--config', file, nobody])
    expect(stderr).toContain(`cannot read ${join(folder.path, 'missing.pem')} (ENOENT)`)
  })

  it.each([
    ['broken.toml', 'alpn = [\n  "a",\n  b\n]\n', /broken\.toml:3:\d+: /],
    ['broken.json', '{\n  "alpn": [}\n', /broken\.json:2:12: it is not JSON/],
    ['nested.json', '['.repeat(9000), /nested\.json: it is not JSON/],
    ['array.json', '[]', /array\.json:1:1: it must hold one JSON object/],
    [
      'unknown.toml',
      'alpn = ["a"]\n\nserver-nmae = "x"\n',
      /unknown\.toml:3:1: there is no key `server-nmae`[\s\S]*`server-name`/,
    ],
    [
      'table.toml',
      '[detect]\nalpm = "x"\n',
      /table\.toml \[detect\]:2:1: there is no key `alpm`[\s\S]*`alpn`/,
    ],
    ['kind.toml', 'path = ["/a", "/b"]\n', /`path` in kind\.toml takes one value, not an array/],
  ])('%s is refused with its place', async (name, content, expected) => {
    const file = await folder.write(name, content)
    const { status, stderr } = await runHere(['detect', '--config', file, nobody])
    expect(stderr).toMatch(expected)
    expect(status).toBe(2)
  })

  it('a file that is named and missing is an error; one that is not named is never read', async () => {
    const missing = await runHere(['detect', '--config', join(folder.path, 'no.toml'), nobody])
    expect(missing.stderr).toMatch(/cannot read the config file .*no\.toml \(ENOENT\)/)
    await folder.write('underpass.toml', 'this is no toml')
    expect((await cli.run(['detect', nobody], { cwd: folder.path })).status).toBe(3)
  })
})

describe('the terminal', () => {
  // script(1) of util-linux gives the process a terminal.
  const inTerminal = (env: Readonly<Record<string, string>>): string =>
    execFileSync(
      'script',
      [
        '--quiet',
        '--return',
        '--command',
        `"${process.execPath}" "${cli.main}" detect ${nobody} || true`,
        '/dev/null',
      ],
      { encoding: 'utf8', env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env } },
    )

  it('has colour where a person looks', () => {
    expect(inTerminal({})).toContain('\x1b[31mERR_DIAL_REFUSED')
  })

  it('has none with NO_COLOR, TERM=dumb or without a terminal; FORCE_COLOR brings it back', async () => {
    expect(inTerminal({ NO_COLOR: '1' })).not.toContain('\x1b[31m')
    expect(inTerminal({ TERM: 'dumb' })).not.toContain('\x1b[')
    expect((await runHere(['detect', nobody])).stderr).not.toContain('\x1b[')
    expect((await runHere(['detect', nobody], { env: { FORCE_COLOR: '1' } })).stderr).toContain('\x1b[31m')
    const flagged = await runHere(['detect', '--no-color', nobody], { env: { FORCE_COLOR: '1' } })
    expect(flagged.stderr).not.toContain('\x1b[')
  })
})

describe('signals', () => {
  let silent: Server
  beforeAll(async () => {
    // Takes connections and says nothing.
    silent = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
  })
  afterAll(() => new Promise((resolve) => silent.close(resolve)))

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a dial with 130', async (signal) => {
    const { port } = silent.address() as { port: number }
    const connected = once(silent, 'connection')
    const child = cli.start(['detect', '--handshake-timeout', '60s', `https://127.0.0.1:${port}`])
    const ended = ending(child)
    await connected
    child.kill(signal)
    const { status, stdout, stderr } = await ended
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' })
    expect(stderr).toContain('ERR_ABORTED')
  })
})
