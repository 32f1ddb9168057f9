// The runner's command line, read into what one connection is to do. A flag may be bound to a phase: `-on-initial-X` to
// the first connection, `-on-resume-X` to those after it, `-on-retry-X` to a repetition after refused 0-RTT, which never
// comes. BoringSSL: ssl/test/runner/runner.go, ssl/test/test_config.cc.
import { outOfScope } from './scope.js'

/** The shim does not do what the test needs: exit status 89. */
export class Unimplemented extends Error {}

/** A certificate and key that the client may present. */
export interface CredentialFlags {
  certFile?: string
  keyFile?: string
  /** Signature scheme ids; empty for all. */
  signingPrefs: number[]
  mustMatchIssuer: boolean
}

/** What a connection is to do and to check; ids are wire values. */
export interface Settings {
  port: number
  shimId: bigint
  ipv6: boolean
  resumeCount: number

  minVersion: number
  maxVersion: number
  excludedVersions: number[]
  curves: number[]
  keyShares: number[] | undefined
  supportedGroupsHint: number[]
  verifyPrefs: number[]
  policy: string | undefined
  /** BoringSSL's cipher list for TLS 1.2. */
  cipher: string | undefined
  alpn: string[]
  hostName: string | undefined
  grease: boolean
  noTicket: boolean
  /** Seconds by which the clock is ahead from the second connection on. */
  resumptionDelay: number

  trustCert: string | undefined
  verifyPeer: boolean
  verifyFail: boolean
  customVerify: boolean
  reverifyOnResume: boolean
  credentials: CredentialFlags[]
  /** The credential before any `-new-x509-credential`: tried last. */
  defaultCredential: CredentialFlags
  failCertCallback: boolean

  readSize: number
  shimWritesFirst: boolean
  shimShutsDown: boolean
  checkCloseNotify: boolean
  readWithUnfinishedWrite: boolean
  keyUpdate: boolean
  keyUpdateBeforeRead: boolean
  exportLength: number
  exportLabel: string
  exportContext: string
  useExportContext: boolean
  exportTrafficSecrets: boolean

  expectAlpn: string | undefined
  expectVersion: number | undefined
  expectCurve: number | undefined
  expectCipher: number | undefined
  expectSignature: number | undefined
  expectRetry: boolean | undefined
  expectVerifyResult: boolean
  expectPeerCertFile: string | undefined
  expectClientCaList: string | undefined
  expectCertificateTypes: string | undefined
  expectPeerVerifyPrefs: number[]
  expectSelectedCredential: number | undefined
  expectNoSession: boolean
  expectSessionMiss: boolean
  expectTicketRenewal: boolean
}

export type Phase = 'initial' | 'resume'

interface Flag {
  readonly name: string
  readonly value: string
  readonly phase: Phase | undefined
}

export interface CommandLine {
  settings(phase: Phase): Settings
}

/** Raises `Unimplemented` for a flag out of scope and for one that nobody knows. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const flags: Flag[] = []
  for (let i = 0; i < argv.length; i++) {
    const whole = argv[i]!
    const [, prefix] = /^-on-(initial|resume|retry|shim|handshaker)-/.exec(whole) ?? []
    const name = prefix === undefined ? whole : `-${whole.slice(`-on-${prefix}-`.length)}`
    const reason = outOfScope[name]
    if (reason !== undefined) throw new Unimplemented(`${whole}: ${reason}`)
    const takesValue = name in valueFlags
    if (!takesValue && !(name in plainFlags)) throw new Unimplemented(`${whole}: unknown`)
    const value = takesValue ? argv[++i] : ''
    if (value === undefined) throw new Unimplemented(`${whole}: no value`)
    if (prefix !== undefined && prefix !== 'initial' && prefix !== 'resume') continue
    flags.push({ name, value, phase: prefix })
  }
  return {
    settings(phase) {
      const settings = defaults()
      for (const { name, value, phase: only } of flags)
        if (only === undefined || only === phase) {
          plainFlags[name]?.(settings)
          valueFlags[name]?.(settings, value)
        }
      return settings
    },
  }
}

function defaults(): Settings {
  return {
    port: 0,
    shimId: 0n,
    ipv6: false,
    resumeCount: 0,
    minVersion: 0,
    maxVersion: 0xffff,
    excludedVersions: [],
    curves: [],
    keyShares: undefined,
    supportedGroupsHint: [],
    verifyPrefs: [],
    policy: undefined,
    cipher: undefined,
    alpn: [],
    hostName: undefined,
    grease: false,
    noTicket: false,
    resumptionDelay: 0,
    trustCert: undefined,
    verifyPeer: false,
    verifyFail: false,
    customVerify: false,
    reverifyOnResume: false,
    credentials: [],
    defaultCredential: { signingPrefs: [], mustMatchIssuer: false },
    failCertCallback: false,
    readSize: 0,
    shimWritesFirst: false,
    shimShutsDown: false,
    checkCloseNotify: false,
    readWithUnfinishedWrite: false,
    keyUpdate: false,
    keyUpdateBeforeRead: false,
    exportLength: 0,
    exportLabel: '',
    exportContext: '',
    useExportContext: false,
    exportTrafficSecrets: false,
    expectAlpn: undefined,
    expectVersion: undefined,
    expectCurve: undefined,
    expectCipher: undefined,
    expectSignature: undefined,
    expectRetry: undefined,
    expectVerifyResult: false,
    expectPeerCertFile: undefined,
    expectClientCaList: undefined,
    expectCertificateTypes: undefined,
    expectPeerVerifyPrefs: [],
    expectSelectedCredential: undefined,
    expectNoSession: false,
    expectSessionMiss: false,
    expectTicketRenewal: false,
  }
}

/** How BoringSSL's own shim calls its reader and its callbacks is all the same here, or holds always. */
function nothing(): void {}

const plainFlags: Readonly<Record<string, (settings: Settings) => void>> = {
  '-async': nothing,
  '-implicit-handshake': nothing,
  '-handshake-twice': nothing,
  '-no-op-extra-handshake': nothing,
  '-use-old-client-cert-callback': nothing,
  '-require-any-client-certificate': nothing,
  // What these allow is never done.
  '-false-start': nothing,
  '-handshake-never-done': nothing,
  '-renegotiate-freely': nothing,
  '-renegotiate-ignore': nothing,
  '-no-tls1': nothing,
  '-no-tls11': nothing,
  // Without extended master secret or renegotiation_info there is no connection.
  '-expect-extended-master-secret': nothing,
  '-expect-secure-renegotiation': nothing,
  // No ECH, no name of its configuration; no session is resumed for another name.
  '-expect-no-ech-name-override': nothing,
  '-expect-not-resumable-across-names': nothing,

  '-ipv6': (s) => void (s.ipv6 = true),
  '-no-tls12': (s) => void s.excludedVersions.push(0x0303),
  '-no-tls13': (s) => void s.excludedVersions.push(0x0304),
  '-no-key-shares': (s) => void (s.keyShares = []),
  '-fips-202205': (s) => void (s.policy = 'fips-202205'),
  '-wpa-202304': (s) => void (s.policy = 'wpa-202304'),
  '-cnsa1-202603': (s) => void (s.policy = 'cnsa1-202603'),
  '-cnsa2-202603'(s) {
    s.policy = 'cnsa2-202603'
    s.minVersion = 0x0304
  },
  '-enable-grease': (s) => void (s.grease = true),
  '-no-ticket': (s) => void (s.noTicket = true),
  '-verify-peer': (s) => void (s.verifyPeer = true),
  '-use-custom-verify-callback': (s) => void (s.customVerify = true),
  '-verify-fail': (s) => void (s.verifyFail = true),
  '-reverify-on-resume': (s) => void (s.reverifyOnResume = true),
  '-new-x509-credential': (s) => void s.credentials.push({ signingPrefs: [], mustMatchIssuer: false }),
  '-must-match-issuer': (s) => void (credential(s).mustMatchIssuer = true),
  '-fail-cert-callback': (s) => void (s.failCertCallback = true),
  '-shim-writes-first': (s) => void (s.shimWritesFirst = true),
  '-shim-shuts-down': (s) => void (s.shimShutsDown = true),
  '-check-close-notify': (s) => void (s.checkCloseNotify = true),
  '-read-with-unfinished-write': (s) => void (s.readWithUnfinishedWrite = true),
  '-key-update': (s) => void (s.keyUpdate = true),
  '-key-update-before-read': (s) => void (s.keyUpdateBeforeRead = true),
  '-use-export-context': (s) => void (s.useExportContext = true),
  '-export-traffic-secrets': (s) => void (s.exportTrafficSecrets = true),
  '-expect-hrr': (s) => void (s.expectRetry = true),
  '-expect-no-hrr': (s) => void (s.expectRetry = false),
  '-expect-verify-result': (s) => void (s.expectVerifyResult = true),
  '-expect-no-session': (s) => void (s.expectNoSession = true),
  '-expect-session-miss': (s) => void (s.expectSessionMiss = true),
  '-expect-ticket-renewal': (s) => void (s.expectTicketRenewal = true),
}

const valueFlags: Readonly<Record<string, (settings: Settings, value: string) => void>> = {
  '-port': (s, v) => void (s.port = Number(v)),
  '-shim-id': (s, v) => void (s.shimId = BigInt(v)),
  '-resume-count': (s, v) => void (s.resumeCount = Number(v)),
  '-min-version': (s, v) => void (s.minVersion = Number(v)),
  '-max-version': (s, v) => void (s.maxVersion = Number(v)),
  '-curves': (s, v) => void s.curves.push(Number(v)),
  '-key-shares': (s, v) => void (s.keyShares = [...(s.keyShares ?? []), Number(v)]),
  '-server-supported-groups-hint': (s, v) => void s.supportedGroupsHint.push(Number(v)),
  '-verify-prefs': (s, v) => void s.verifyPrefs.push(Number(v)),
  '-cipher': (s, v) => void (s.cipher = v),
  '-advertise-alpn': (s, v) => void (s.alpn = protocolNames(v)),
  '-host-name': (s, v) => void (s.hostName = v),
  '-resumption-delay': (s, v) => void (s.resumptionDelay = Number(v)),
  '-trust-cert': (s, v) => void (s.trustCert = v),
  '-cert-file': (s, v) => void (credential(s).certFile = v),
  '-key-file': (s, v) => void (credential(s).keyFile = v),
  '-signing-prefs': (s, v) => void credential(s).signingPrefs.push(Number(v)),
  '-read-size': (s, v) => void (s.readSize = Number(v)),
  '-export-keying-material': (s, v) => void (s.exportLength = Number(v)),
  '-export-label': (s, v) => void (s.exportLabel = v),
  '-export-context': (s, v) => void (s.exportContext = v),
  '-expect-alpn': (s, v) => void (s.expectAlpn = v),
  '-expect-version': (s, v) => void (s.expectVersion = Number(v)),
  '-expect-curve-id': (s, v) => void (s.expectCurve = Number(v)),
  '-expect-cipher': (s, v) => void (s.expectCipher = Number(v)),
  // The AEAD that hardware helps with goes first: AES-GCM wherever this runs.
  '-expect-cipher-aes': (s, v) => void (s.expectCipher = Number(v)),
  '-expect-cipher-no-aes': nothing,
  '-expect-peer-signature-algorithm': (s, v) => void (s.expectSignature = Number(v)),
  '-expect-peer-cert-file': (s, v) => void (s.expectPeerCertFile = v),
  '-expect-client-ca-list': (s, v) => void (s.expectClientCaList = v),
  '-expect-certificate-types': (s, v) => void (s.expectCertificateTypes = v),
  '-expect-peer-verify-pref': (s, v) => void s.expectPeerVerifyPrefs.push(Number(v)),
  '-expect-selected-credential': (s, v) => void (s.expectSelectedCredential = Number(v)),
  '-expect-total-renegotiations': (_, v) => only('0', v, 'renegotiation is always refused'),
  '-expect-early-data-reason': (_, v) => only('disabled', v, '0-RTT is never offered'),
}

function credential(settings: Settings): CredentialFlags {
  return settings.credentials.at(-1) ?? settings.defaultCredential
}

function only(held: string, value: string, reason: string): void {
  if (value !== held) throw new Unimplemented(`${value}: ${reason}`)
}

/** RFC 7301 §3.1: ProtocolNameList without its outer length. */
function protocolNames(wire: string): string[] {
  const names: string[] = []
  for (let at = 0; at < wire.length; ) {
    const length = wire.charCodeAt(at)
    names.push(wire.slice(at + 1, at + 1 + length))
    at += 1 + length
  }
  return names
}
