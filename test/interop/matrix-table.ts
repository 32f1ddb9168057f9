// The shape of the interop matrix, what a cell may hold, and how both are written down. No test and no server here: the
// script that writes docs/interop.md reads this too.
export type MatrixVersion = 'TLSv1.3' | 'TLSv1.2'
export type MatrixKey = 'rsa-2048' | 'ecdsa-p256' | 'ed25519'

/** In the order of the table. */
export const stacks = {
  openssl: 'OpenSSL s_server',
  gnutls: 'GnuTLS gnutls-serv',
  nss: 'NSS selfserv',
  java: 'JSSE (OpenJDK)',
  caddy: 'Caddy (Go)',
  stunnel: 'stunnel',
} as const

export type StackName = keyof typeof stacks

export const versions: readonly MatrixVersion[] = ['TLSv1.3', 'TLSv1.2']

export const keys: Readonly<Record<MatrixKey, string>> = {
  'rsa-2048': 'RSA',
  'ecdsa-p256': 'ECDSA',
  ed25519: 'Ed25519',
}

/** Heading and what a tick under it says. */
export const columns = {
  agreed: ['agreed on', 'Suite, group and signature scheme of a handshake in which we name no preference.'],
  none: [
    'no client cert',
    'The server asks for a certificate and goes on without; its own chain, name and key are verified, and data comes back.',
  ],
  'client-rsa': ['client RSA', 'A client certificate with an RSA key, which the server verified and names.'],
  'client-ecdsa': ['client ECDSA', 'The same with an ECDSA P-256 key.'],
  'client-ed25519': ['client Ed25519', 'The same with an Ed25519 key.'],
  retry: [
    'P-384 only',
    'The server agrees on P-384 and nothing else and asks for no certificate. In TLS 1.3 that takes a HelloRetryRequest.',
  ],
  resumption: ['resumption', 'A second connection resumes the first, as both ends say, and carries data.'],
  'update-ours': [
    'our KeyUpdate',
    'We update our key several times while sending, and once ask for the key of the server, which follows.',
  ],
  'update-theirs': [
    'its KeyUpdate',
    'The server updates its key of its own accord and asks for ours, which follows.',
  ],
  bulk: ['16 MiB', '16 MiB each way, compared byte for byte.'],
  close: ['close', 'Both ends say close_notify.'],
} as const satisfies Record<string, readonly [string, string]>

export type ColumnName = keyof typeof columns

export interface Row {
  readonly stack: StackName
  readonly version: MatrixVersion
  readonly key: MatrixKey
}

export type Outcome =
  /** Done and asserted; with a note when not all of it was. */
  | { readonly kind: 'held'; readonly fact?: string; readonly note?: string }
  /** Tried, and refused as it must be. */
  | { readonly kind: 'refused'; readonly note: string }
  /** Not tried, and why. */
  | { readonly kind: 'absent'; readonly note: string }
  | { readonly kind: 'failed'; readonly note: string }

export interface MatrixResult {
  /** Software and its version, ours first. */
  readonly software: readonly (readonly [name: string, version: string])[]
  /** By `rowId`, then by column. */
  readonly cells: Readonly<Record<string, Readonly<Partial<Record<ColumnName, Outcome>>>>>
}

export function rows(): readonly Row[] {
  return stackNames.flatMap((stack) => rowsOf(stack))
}

export function rowsOf(stack: StackName): readonly Row[] {
  return versions.flatMap((version) =>
    (Object.keys(keys) as MatrixKey[]).map((key) => ({ stack, version, key })),
  )
}

export function rowId({ stack, version, key }: Row): string {
  return `${stack}-${version}-${key}`
}

export const stackNames: readonly StackName[] = Object.keys(stacks) as StackName[]
export const columnNames: readonly ColumnName[] = Object.keys(columns) as ColumnName[]

/** The table as Markdown that is legible as it is, and the notes its numbers point to. */
export function writeTable(result: MatrixResult): string {
  const notes: string[] = []
  const mark = (note: string): string => {
    if (!notes.includes(note)) notes.push(note)
    return `[${notes.indexOf(note) + 1}]`
  }
  const cell = (outcome: Outcome | undefined): string => {
    if (outcome === undefined) return '?'
    const { kind, note } = outcome
    const sign = kind === 'held' ? (outcome.fact ?? 'yes') : signs[kind]
    return note === undefined ? sign : `${sign} ${mark(note)}`
  }
  const body = rows().map((row) => [
    ...rowHeading(row),
    ...columnNames.map((column) => cell(result.cells[rowId(row)]?.[column])),
  ])
  const table = [heading(), ...body]
  const widths = heading().map((_, at) => Math.max(...table.map((line) => line[at]!.length)))
  const lines = table.map((line) => `| ${line.map((text, at) => text.padEnd(widths[at]!)).join(' | ')} |`)
  lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  const legend = notes.map((note, at) => `${at + 1}. ${note}`)
  return [...lines, '', ...legend, ''].join('\n')
}

/** Its heading and rows without what differs from run to run: to compare shapes. */
export function shapeOf(markdown: string): readonly (readonly string[])[] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'))
  const start = lines.findIndex((line) => cellsOf(line)[0] === heading()[0])
  const table = lines.slice(Math.max(0, start)).map(cellsOf)
  return table.map((line, at) => (at === 0 ? line : line.slice(0, 3)))
}

/** The shape that `shapeOf` must find. */
export function expectedShape(): readonly (readonly string[])[] {
  return [heading(), ['---', '---', '---'], ...rows().map(rowHeading)]
}

/** Every cell of the rows of a table, without their headings. */
export function cellTexts(markdown: string): readonly string[] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'))
  const start = lines.findIndex((line) => cellsOf(line)[0] === heading()[0])
  return lines.slice(Math.max(0, start) + 2).flatMap((line) => cellsOf(line).slice(3))
}

const signs = { refused: 'refused', absent: '-', failed: 'FAILED' } as const

function heading(): readonly string[] {
  return ['server', 'version', 'key', ...columnNames.map((name) => columns[name][0])]
}

function rowHeading({ stack, version, key }: Row): readonly string[] {
  return [stacks[stack], version.replace('TLSv', ''), keys[key]]
}

function cellsOf(line: string): readonly string[] {
  const cells = line.split('|').slice(1, -1)
  return cells.map((text) => (/^-+$/.test(text) ? '---' : text.trim()))
}
