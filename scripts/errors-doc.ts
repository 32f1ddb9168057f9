// Renders docs/errors.md from THE code table in src/errors.ts and its prose in src/error-prose.ts.
import { errorProse } from '../src/error-prose.js'
import { errorRows } from '../src/errors-node.js'

type Row = ReturnType<typeof errorRows>[number]

/** The families, in the order of the document; the first whose pattern fits takes the code. */
const families: ReadonlyArray<{ readonly title: string; readonly pattern: RegExp; readonly intro: string }> =
  [
    {
      title: 'Configuration and platform',
      pattern: /^ERR_(CONFIG_|CRYPTO_|UNSUPPORTED_)/,
      intro: 'Found before anything is sent. Class `ConfigError`.',
    },
    {
      title: 'Dialing and detection',
      pattern: /^ERR_(DIAL_|DETECT_|PROXY_|OUTER_)/,
      intro: 'The way to the origin. Class `DialError`.',
    },
    {
      title: 'Connection upgrade',
      pattern: /^ERR_UPGRADE_/,
      intro: 'The HTTP step through the load balancer. Class `UpgradeError`.',
    },
    {
      title: 'WebSocket and ping framing',
      pattern: /^ERR_(WS_|PING_)/,
      intro: 'The framing between the load balancer and the inner TLS. Class `FramingError`.',
    },
    {
      title: 'TLS: what the peer said',
      pattern: /^ERR_TLS_ALERT/,
      intro: 'The peer ended the connection with an alert; `alert` holds its name. Class `TlsError`.',
    },
    {
      title: 'TLS: what was found wrong',
      pattern: /^ERR_TLS_/,
      intro: 'Found here; the alert in the table was sent to the peer. Class `TlsError`.',
    },
    {
      title: 'Certificates',
      pattern: /^ERR_CERT_/,
      intro: 'The peer’s certificate was refused; `depth` counts from the leaf. Class `CertificateError`.',
    },
    {
      title: 'Gateway',
      pattern: /^ERR_GATEWAY_/,
      intro: 'Raised by the gateway, in its log and metrics; the client sees the alert.',
    },
    {
      title: 'Streams, time and everything else',
      pattern: /^ERR_/,
      intro: 'Raised while a connection is in use. Class `StreamError`.',
    },
  ]

/** The whole document. */
export function errorsDocument(): string {
  const rest = new Set(errorRows())
  const sections = families.map(({ title, pattern, intro }) => {
    const rows = [...rest].filter(({ code }) => pattern.test(code))
    for (const row of rows) rest.delete(row)
    return rows.length === 0 ? '' : `## ${title}\n\n${intro}\n\n${table(rows)}\n`
  })
  return `# Errors

<!-- Generated from src/errors.ts and src/error-prose.ts by \`npm run docs\`; edit those. -->

Every error is a \`TunnelError\` with a stable \`code\`, a \`phase\`, a \`blame\`, \`retryable\` and a \`hint\`. Decide on \`code\` or
\`blame\`, never on the message: messages may change in any release, codes only in a major one. Every entry point exports
the classes; \`underpass/errors\` has them alone, with \`errorRows()\` (this table), \`exitStatusOf(code)\` and \`explain(error)\`.

\`blame\` says whose fault it is: \`config\` and \`caller\` are yours to mend, \`peer\` is the server or the load balancer, \`network\`
is what lies between, \`us\` is a bug in Underpass. *Retry* means that the same call may succeed later, unchanged. *Exit* is the
status with which the command line ends.

${sections.filter((section) => section !== '').join('\n')}`
}

function table(rows: readonly Row[]): string {
  return [
    '| code | what happened | blame | alert | retry | exit | what to try |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(
      ({ code, blame, alert, retryable, exitStatus }) =>
        `| ${[`\`${code}\``, errorProse[code].what, blame, alert ? `\`${alert}\`` : '', retryable ? 'yes' : '', exitStatus, errorProse[code].hint].map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`,
    ),
  ].join('\n')
}
