// The client that BoringSSL's runner drives: one process a test. Exit status 0: all held; 89: the test is about something
// that is not done here; 90: a fault of ours, whatever the test wanted; 1: the connection failed, and stderr says how, as
// `:CODE:` and `:ALERT_NAME:`, which config.json translates.
import { appendFileSync } from 'node:fs'
import { latin1 } from '../../src/bytes/index.js'
import { TlsError, TunnelError } from '../../src/errors.js'
import type { TlsLayer } from '../../src/tls/layer.js'
import type { TlsInfo } from '../../src/tls/options.js'
import type { SessionStore } from '../../src/tls/session.js'
import { client, cryptoFor } from './client.js'
import { connectRunner, layerOverRunner, type RunnerConnection } from './connection.js'
import { ApplicationRefusal, loadCredentials } from './credentials.js'
import { checkHandshake, checkSessions, Unexpected } from './expectations.js'
import { readCommandLine, type Settings, Unimplemented } from './flags.js'
import { sessionStore, sessions } from './session.js'

const UNIMPLEMENTED = 89
const OUR_FAULT = 90

/** The peer's end came without close_notify where one was insisted on, or never. */
class UncleanShutdown extends Error {}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('-is-handshaker-supported')) {
    process.stdout.write('No\n')
    return 0
  }
  const commandLine = readCommandLine(argv)
  const initial = commandLine.settings('initial')
  const store = sessionStore()
  // Everything is read before anything is said: an unimplemented flag of a later phase must not look like a failure.
  const phases = [initial]
  for (let i = 0; i < initial.resumeCount; i++) phases.push(commandLine.settings('resume'))
  const parts = phases.map(cryptoFor)
  // It stands still but for the delays asked for: the runner compares a ticket's age to the millisecond.
  let time = Date.now()
  for (const [i, settings] of phases.entries()) {
    if (i > 0) time += 1000 * settings.resumptionDelay
    await exchange(settings, parts[i]!, store, i > 0, () => time)
  }
  return 0
}

async function exchange(
  settings: Settings,
  parts: ReturnType<typeof cryptoFor>,
  store: SessionStore,
  resuming: boolean,
  clock: () => number,
): Promise<void> {
  const credentials = await loadCredentials(settings, parts.crypto)
  const tickets = sessions(store, settings)
  const secrets = new Map<string, Uint8Array>()
  // A check that only comes with a full handshake is not asked again; whether this was one, the runner knows.
  const asked = resuming && !settings.reverifyOnResume ? { ...settings, verifyFail: false } : settings
  const layer = client(asked, parts, credentials, tickets, clock, (line) => {
    const [label, , secret] = line.split(' ')
    secrets.set(label!, Buffer.from(secret!, 'hex'))
  })
  const { port, ipv6, shimId } = settings
  const connection = layerOverRunner(layer, await connectRunner(port, ipv6, shimId))
  try {
    const info = await connection.opened
    checkHandshake(settings, {
      info,
      trace: connection.trace,
      credentials,
      groups: parts.crypto.groups,
      resuming,
    })
    await sayFirst(settings, connection, info, secrets, layer)
    const clean = settings.shimShutsDown || (await echo(settings, connection))
    checkSessions(settings, info, tickets.received())
    await shutDown(settings, connection, clean)
  } finally {
    await connection.drain()
  }
}

async function sayFirst(
  settings: Settings,
  connection: RunnerConnection<TlsInfo>,
  info: TlsInfo,
  secrets: ReadonlyMap<string, Uint8Array>,
  layer: TlsLayer,
): Promise<void> {
  const { exportLength, exportLabel, exportContext, useExportContext, exportTrafficSecrets } = settings
  if (exportLength > 0)
    await connection.write(
      info.exportKeyingMaterial(
        exportLabel,
        useExportContext ? Buffer.from(exportContext, 'utf8') : undefined,
        exportLength,
      ),
    )
  if (exportTrafficSecrets) {
    const read = secrets.get('SERVER_TRAFFIC_SECRET_0')!
    const write = secrets.get('CLIENT_TRAFFIC_SECRET_0')!
    await connection.write(Buffer.concat([new Uint8Array([read.length, 0]), read, write]))
  }
  if (settings.keyUpdateBeforeRead) await layer.updateKeys('update_requested')
  if (settings.readWithUnfinishedWrite) connection.hold()
  if (settings.shimWritesFirst || settings.readWithUnfinishedWrite) await connection.write(latin1('hello'))
}

/** Every byte back, inverted, until the peer ends. Returns whether it ended with close_notify. */
async function echo(settings: Settings, connection: RunnerConnection<TlsInfo>): Promise<boolean> {
  for (;;) {
    try {
      const data = await connection.read()
      if (data === undefined) return true
      if (settings.readWithUnfinishedWrite) connection.release()
      await connection.write(data.map((byte) => byte ^ 0xff))
    } catch (error) {
      if (error instanceof TunnelError && error.code === 'ERR_TLS_TRUNCATED') return false
      throw error
    }
  }
}

async function shutDown(
  settings: Settings,
  connection: RunnerConnection<TlsInfo>,
  clean: boolean,
): Promise<void> {
  if (clean) await connection.end()
  if (!settings.checkCloseNotify) return
  if (!clean) throw new UncleanShutdown()
  if (settings.shimShutsDown && (await connection.read()) !== undefined)
    throw new UncleanShutdown('application data instead of close_notify')
}

function tell(error: unknown): number {
  if (error instanceof Unimplemented) return unimplemented(error.message)
  if (error instanceof Unexpected) return say(1, `:UNEXPECTED: ${error.message}`)
  if (error instanceof UncleanShutdown) return say(1, `:UNCLEAN_SHUTDOWN: ${error.message}`)
  if (!(error instanceof TunnelError)) return say(OUR_FAULT, `:SHIM: ${(error as Error).stack}`)
  const received = error instanceof TlsError && error.code.startsWith('ERR_TLS_ALERT')
  const alert = received ? `:ALERT_${String(error.alert).replace('alert_', '').toUpperCase()}:` : ''
  const refusal = error.cause instanceof ApplicationRefusal ? `:APPLICATION_${error.cause.message}:` : ''
  const status = error.code === 'ERR_INTERNAL' ? OUR_FAULT : 1
  const stack = status === OUR_FAULT ? `\n${(error.cause as Error | undefined)?.stack}` : ''
  return say(status, `:${error.code}: ${error.detail ?? ''} ${alert}${refusal}${stack}`)
}

/** The runner drops what such a test says: run.mjs reads it from a file. */
function unimplemented(reason: string): number {
  const file = process.env.BOGO_SHIM_REASONS
  if (file !== undefined) appendFileSync(file, `${reason}\n`)
  return say(UNIMPLEMENTED, reason)
}

function say(status: number, text: string): number {
  process.stderr.write(`${text}\n`)
  return status
}

main(process.argv.slice(2))
  .catch(tell)
  .then((status) => {
    process.exitCode = status
    // Nothing that still waits for the runner may keep the process.
    setImmediate(() => process.exit(status))
  })
