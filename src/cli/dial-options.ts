// The options that every dialing command shares, and what a dialer makes of them. What is heavy (PKI, logins, presets) is
// loaded when a call needs it.
import { readFile } from 'node:fs/promises'
import type { DialerOptions, Mode } from '../dial/index.js'
import { failure, type TunnelError } from '../errors-node.js'
import type { NodeDialerOptions } from '../platform/node/index.js'
import type { Preset } from '../presets/index.js'
import type { Option, Settings } from './command.js'
import { systemCode } from './config-file.js'

const modes: readonly string[] = ['auto', 'direct', 'websocket', 'alpn', 'alpn-ping']

/** Who is trusted at the outer end: all that a probe needs. */
export const originOptions: readonly Option[] = [
  {
    flag: 'origin-trust',
    value: 'FILE',
    many: true,
    describe: 'CA that signs the outer endpoint (PEM or DER); may be repeated',
    fallback: "the system's roots",
  },
  { flag: 'host', value: 'HOST', describe: 'Host header of the upgrade request', fallback: "the origin's" },
  {
    flag: 'path',
    value: 'PATH',
    describe: 'path of the upgrade endpoint',
    fallback: '/webapi/connectionupgrade',
  },
  {
    flag: 'header',
    value: "'NAME: VALUE'",
    many: true,
    describe: 'header of the upgrade request; no credentials on the command line',
  },
  {
    flag: 'header-file',
    value: 'FILE',
    many: true,
    describe: 'file of headers, one a line: the place for credentials',
  },
  {
    flag: 'header-command',
    value: 'COMMAND',
    describe: 'command that prints headers, one a line; run without a shell for every attempt',
  },
  {
    flag: 'outbound-proxy',
    value: 'URL',
    describe: 'HTTP or SOCKS5 proxy on the way out, or none',
    fallback: 'HTTPS_PROXY, ALL_PROXY, NO_PROXY',
  },
  { flag: 'connect-timeout', value: 'DURATION', describe: 'until TCP is open', fallback: '5s' },
  {
    flag: 'upgrade-timeout',
    value: 'DURATION',
    describe: 'from the upgrade request to its 101',
    fallback: '10s',
  },
  { flag: 'handshake-timeout', value: 'DURATION', describe: 'for each TLS handshake', fallback: '10s' },
]

/** Who is at the other end, and who we are. */
export const tunnelOptions: readonly Option[] = [
  {
    flag: 'trust',
    value: 'FILE',
    many: true,
    describe: 'CA that signs the inner server (PEM or DER); may be repeated',
  },
  { flag: 'trust-system', describe: "trust the system's roots for the inner server too" },
  { flag: 'cert', value: 'FILE', describe: 'client certificate and its chain (PEM)' },
  { flag: 'key', value: 'FILE', describe: 'key of the client certificate (PEM)' },
  { flag: 'pkcs12', value: 'FILE', describe: 'client certificate and key as PKCS#12' },
  { flag: 'passphrase', secret: true, describe: 'passphrase of the key or the PKCS#12 file' },
  { flag: 'identity', value: 'FILE', describe: 'Teleport identity file, or the output directory of tbot' },
  {
    flag: 'tsh',
    value: '[PROFILE]',
    describe: 'use the existing tsh login, of this profile or the current one',
  },
  {
    flag: 'alpn',
    value: 'NAME',
    many: true,
    describe: 'application protocol offered, in order of preference; may be repeated',
  },
  {
    flag: 'preset',
    value: 'NAME',
    describe: "Teleport's protocol names for a service: postgres, mysql, ssh, kube, …",
  },
  {
    flag: 'server-name',
    value: 'NAME',
    describe: 'inner SNI and the name verified',
    fallback: "the origin's host",
  },
  {
    flag: 'mode',
    value: 'MODE',
    many: true,
    choices: modes,
    describe: 'how to reach the server; several are tried in order',
    fallback: 'auto',
  },
  {
    flag: 'idle-timeout',
    value: 'DURATION',
    describe: 'end a tunnel with no bytes for so long',
    fallback: '0, never',
  },
  {
    flag: 'ping-interval',
    value: 'DURATION',
    describe: 'pause between keep-alive pings; 0 for none',
    fallback: '25s',
  },
  {
    flag: 'keylog',
    value: 'FILE',
    describe: 'append TLS secrets for Wireshark (mode 0600): whoever has it reads the traffic',
  },
]

/** What every dialing command takes. */
export const dialOptions: readonly Option[] = [...tunnelOptions, ...originOptions]

/** Some of `dialOptions`, by their flags. */
export function optionsNamed(...flags: readonly string[]): Option[] {
  return flags.map((flag) => dialOptions.find((option) => option.flag === flag)!)
}

/** What a dialer of the command line is made with: `createDialer` of the Node door takes it. */
export type CliDialerOptions = NodeDialerOptions

/** `proxy.example.com:443` or a URL, as the URL of an origin. */
export function originOf(text: string | undefined, what = 'an origin'): string {
  if (text === undefined)
    throw failure('ERR_CONFIG_INVALID', `${what} is missing`, {
      hint: 'Say where to dial, as https://proxy.example.com or proxy.example.com:443.',
    })
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
}

/** What the outer end needs: from `originOptions` alone. */
export async function outerOptions(
  settings: Settings,
  origin: string,
): Promise<Omit<CliDialerOptions, 'trust'>> {
  const originTrust = await readAll(settings, 'origin-trust')
  const connect = settings.duration('connect-timeout')
  const upgrade = settings.duration('upgrade-timeout')
  const handshake = settings.duration('handshake-timeout')
  const outbound = settings.text('outbound-proxy')
  if (outbound !== undefined) refusePassword(outbound, settings.source('outbound-proxy'))
  return {
    origin: originOf(origin),
    ...optional({
      originTrust: originTrust.length > 0 ? originTrust : undefined,
      host: settings.text('host'),
      path: settings.text('path'),
      headers: await headersOf(settings),
      outbound,
    }),
    timeouts: optional({ connect, upgrade, handshake }),
  }
}

/**
 * Options for a dialer from `dialOptions`. Throws ERR_CONFIG_*; nothing is dialed. With `looking`, nobody needs to be
 * trusted: `trust` is then an empty list where nothing was said.
 */
export async function dialerOptions(
  settings: Settings,
  origin?: string,
  looking?: 'looking',
): Promise<CliDialerOptions> {
  const { identityOf } = await import('./dial-identity.js')
  const { identity, login } = await identityOf(settings)
  const outer = await outerOptions(settings, originOf(origin ?? login?.origin))
  const host = URL.canParse(String(outer.origin)) ? new URL(outer.origin).hostname : undefined
  const preset = await presetOf(settings, { cluster: login?.cluster, host })
  const alpn = settings.list('alpn')
  const idle = settings.duration('idle-timeout')
  const keepAlive = settings.duration('ping-interval')
  const serverName = settings.text('server-name') ?? preset?.serverName
  return {
    ...outer,
    trust: await trustOf(settings, login?.trust, looking),
    ...optional({
      identity,
      serverName,
      alpn: alpn.length > 0 ? alpn : preset?.alpn,
      mode: modeOf(settings),
      keepAlive: keepAlive === undefined ? undefined : keepAlive > 0 && { interval: keepAlive },
      keylog: await keylogOf(settings),
    }),
    timeouts: { ...outer.timeouts, ...optional({ idle }) },
  }
}

/** `optional({a: 1, b: undefined})` is `{a: 1}`: an option that is not given is not there. */
function optional<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/** The content of every file of a list. */
export async function readAll(settings: Settings, flag: string): Promise<Uint8Array[]> {
  return Promise.all(settings.list(flag).map((path) => readNamed(path, settings.source(flag)!)))
}

/** A file's bytes; ERR_CONFIG_INVALID names who asked for it. */
export async function readNamed(path: string, source: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw failure('ERR_CONFIG_INVALID', `${source}: cannot read ${path} (${systemCode(cause)})`, { cause })
  }
}

/** The anchors for the inner server: --trust, --trust-system, and what a login brings. */
export async function trustOf(
  settings: Settings,
  ofLogin?: string | undefined,
  looking?: 'looking',
): Promise<Array<string | Uint8Array>> {
  const anchors: Array<string | Uint8Array> = await readAll(settings, 'trust')
  if (ofLogin !== undefined) anchors.push(ofLogin)
  if (settings.on('trust-system')) {
    const { systemRoots } = await import('../platform/node/index.js')
    anchors.push(...systemRoots())
  }
  if (anchors.length > 0 || looking) return anchors
  throw failure('ERR_CONFIG_TRUST', 'nothing says who signs the inner server', {
    hint: 'Pass its CA with --trust FILE, a login with --tsh or --identity, or --trust-system.',
  })
}

/** The same where nothing goes further than a probe: without --trust the system's roots are as good as any. */
export async function probeTrust(settings: Settings): Promise<Array<string | Uint8Array>> {
  const anchors = await trustOf(settings, undefined, 'looking')
  if (anchors.length > 0) return anchors
  const { systemRoots } = await import('../platform/node/index.js')
  return [...systemRoots()]
}

/** Where TLS secrets go. */
export async function keylogOf(settings: Settings): Promise<((line: string) => void) | undefined> {
  const path = settings.text('keylog')
  if (path === undefined) return undefined
  const { keylogFile } = await import('./keylog-file.js')
  return keylogFile(path)
}

/** The ALPN names and the server name of `--preset`. */
export async function presetOf(
  settings: Settings,
  known: { readonly cluster: string | undefined; readonly host: string | undefined },
): Promise<Preset | undefined> {
  const name = settings.text('preset')
  if (name === undefined) return undefined
  const { preset } = await import('../presets/index.js')
  return preset(name, known)
}

function modeOf(settings: Settings): DialerOptions['mode'] {
  const list = settings.list('mode')
  if (list.length === 0) return undefined
  if (!list.includes('auto')) return list as Mode[]
  if (list.length === 1) return 'auto'
  throw failure('ERR_CONFIG_INVALID', `${settings.source('mode')}: auto stands alone`)
}

async function headersOf(settings: Settings): Promise<DialerOptions['headers']> {
  const lines = settings.list('header')
  const fixed = lines.map((line) => headerOf(line, settings.source('header')!))
  if (settings.source('header')?.startsWith('--'))
    for (const [name] of fixed) if (holdsCredentials(name)) throw credentialOnCommandLine(name)
  for (const path of settings.list('header-file')) {
    const source = settings.source('header-file')!
    const text = new TextDecoder().decode(await readNamed(path, source))
    fixed.push(...headerLines(text, source))
  }
  const command = settings.text('header-command')
  if (command === undefined) return fixed.length > 0 ? fixed : undefined
  const { headersFromCommand } = await import('../login/index.js')
  const timeout = settings.duration('upgrade-timeout')
  const minted = headersFromCommand(command, timeout ? { timeout } : {})
  return async (request) => [...fixed, ...(await minted(request))]
}

function headerLines(text: string, source: string): Array<[string, string]> {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => headerOf(line, source))
}

function headerOf(line: string, source: string): [string, string] {
  const match = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line)
  // The line is not told: it may be a credential without its name.
  if (match === null) throw failure('ERR_CONFIG_INVALID', `${source}: a header is not \`Name: value\``)
  return [match[1]!, match[2]!]
}

function holdsCredentials(name: string): boolean {
  return /authorization|cookie|token|secret|api-?key|password|credential/i.test(name)
}

function credentialOnCommandLine(name: string): TunnelError {
  return failure('ERR_CONFIG_INVALID', `\`--header\` would put the secret of ${name} on the command line`, {
    hint: 'Every user of this machine can read command lines. Use --header-file, --header-command or UNDERPASS_HEADER.',
  })
}

function refusePassword(url: string, source: string | undefined): void {
  // As parseProxy reads it: without a scheme it is http.
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`
  if (!source?.startsWith('--') || !URL.canParse(whole) || new URL(whole).password === '') return
  throw failure('ERR_CONFIG_INVALID', `\`${source}\` would put the password of a proxy on the command line`, {
    hint: 'Every user of this machine can read command lines. Use UNDERPASS_OUTBOUND_PROXY or HTTPS_PROXY.',
  })
}
