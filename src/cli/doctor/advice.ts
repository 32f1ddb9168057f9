// From findings to what would mend them: the first cause first, with the lines of whose configuration.
import { exitStatusOf } from '../../errors-node.js'
import type { Advice, DoctorReport, VendorGuess } from './findings.js'
import { isOurs } from './probe-tls.js'
import { vendors } from './vendor-table.js'

export function advise(report: Omit<DoctorReport, 'advice'>): Advice[] {
  const { tcp, proxy, dns, outerTls, ping, upgrades, innerTls, idle, verdict, vendors: found } = report
  const between = found.filter(({ role }) => role !== 'server')
  if (proxy.status === 'fail') return [fromEvidence('The proxy on the way out', proxy)]
  if (dns.status === 'fail' && tcp.status === 'fail') return [fromEvidence('The name', dns)]
  if (tcp.status === 'fail') return [fromEvidence('The connection', tcp)]
  const advice: Advice[] = []
  if (outerTls.endedBy === 'inspection')
    advice.push({
      title: 'TLS inspection stands in between',
      why: `${outerTls.summary}. The inner TLS still goes through it unseen, where WebSockets pass. Ask for this host to be exempted, or trust that authority with --origin-trust.`,
    })
  else if (outerTls.status === 'fail' && outerTls.code !== undefined && exitStatusOf(outerTls.code) === 5)
    advice.push({
      title: 'The outer certificate is not trusted',
      why: `${outerTls.evidence?.[0] ?? ''} ${outerTls.code === 'ERR_CERT_UNTRUSTED' ? 'Pass the authority that signs this endpoint with --origin-trust FILE. ' : ''}If the signer (${outerTls.chain[0]?.issuer ?? 'unknown'}) is a surprise, somebody inspects TLS on the way: compare from another network.`.trim(),
    })
  else if (outerTls.status === 'fail') advice.push(fromEvidence('The outer TLS', outerTls))
  if (between.length > 1)
    advice.push({
      title: `${between.length} load balancers in a row`,
      why: `${between.map(({ name }) => name).join(', then ')}: each of them must pass the upgrade, and the shortest idle limit counts.`,
    })
  // A server that selected our protocol needs no upgrade, whatever else is wrong with it.
  const isDirect = outerTls.probes.some(({ alpn, offered }) => isOurs(alpn, offered))
  if (verdict === 'none' && upgrades.length > 0 && !isDirect) advice.push(...forRefusals(report, between))
  const passed = upgrades.filter(({ status }) => status === 'ok')
  if (passed.length > 0 && passed.every(({ upgrade }) => upgrade === 'websocket') && upgrades.length > 0)
    advice.push({
      title: 'Only WebSockets pass',
      why: 'That is enough: nothing needs to change. With an order of your own (--mode), put websocket first.',
    })
  for (const inner of innerTls) {
    if (inner.status === 'fail') advice.push(fromEvidence(`The inner TLS for ${inner.alpn}`, inner))
  }
  if (innerTls.some(({ code, status }) => status === 'warn' && code !== undefined))
    advice.push({
      title: 'The server wants a client certificate',
      why: 'Show one with --cert and --key, --pkcs12, --identity or --tsh.',
    })
  if (innerTls.some(({ tls }) => tls?.verified === false))
    advice.push({
      title: 'The inner server was looked at, not verified',
      why: 'Pass the authority that signs it with --trust FILE, or a login with --tsh or --identity.',
    })
  const silent = idle.find(({ pings, cutAfter }) => !pings && cutAfter !== undefined)
  const pinged = idle.find(({ pings }) => pings)
  if (silent !== undefined) {
    advice.push({
      title: 'Quiet tunnels are cut',
      why:
        pinged?.cutAfter === undefined
          ? `${silent.summary}; with pings it lives. Leave keep-alive on, with --ping-interval well below that.`
          : `${silent.summary}, and ${pinged.summary}: raise the limit.`,
    })
    advice.push(...between.flatMap(settingOf))
  }
  if (advice.length === 0 && verdict === 'none' && ping.status !== 'ok')
    advice.push(fromEvidence('The server', ping))
  return advice
}

function forRefusals(
  { ping, upgrades }: Omit<DoctorReport, 'advice'>,
  between: readonly VendorGuess[],
): Advice[] {
  const socket = upgrades[0]!
  const status = socket.httpStatus
  const location = (ping.httpStatus ?? 0) >= 300 && (ping.httpStatus ?? 0) < 400
  if (location || socket.code === 'ERR_UPGRADE_REDIRECTED' || socket.code === 'ERR_UPGRADE_FORBIDDEN')
    return [
      {
        title: 'A login stands in front',
        why: `The upgrade was answered with ${status ?? 'no status'}, not 101. Exempt ${'/webapi/connectionupgrade'} from it, or send what it wants with --header-file or --header-command.`,
      },
    ]
  const pages = upgrades.flatMap(({ evidence = [] }) => evidence)
  if (
    socket.code === 'ERR_TLS_ALERT_CERTIFICATE_REQUIRED' ||
    pages.some((line) => line.includes('No required SSL certificate was sent'))
  )
    return [
      {
        title: 'The outer endpoint wants a client certificate',
        why: 'A tunnel shows its certificate to the inner server only. Let this endpoint ask for none on /webapi/connectionupgrade.',
      },
    ]
  if (socket.code !== undefined && unanswered.has(socket.code) && ping.status !== 'ok')
    return [
      {
        title: 'No server answers behind it',
        why: `${socket.summary.replace(/\.$/, '')}. The ping fared no better, so this is not about upgrades: check that the server runs, speaks HTTP there, and that its address is right.`,
      },
    ]
  if (
    ping.status !== 'ok' &&
    (socket.code === 'ERR_UPGRADE_NOT_FOUND' || socket.code === 'ERR_UPGRADE_STRIPPED')
  )
    return [
      {
        title: 'Nothing there knows the upgrade',
        why: 'Neither the ping nor the upgrade was answered as a Teleport proxy or an Underpass gateway does. Check the address; or the path, with --path.',
      },
    ]
  // What passes every upgrade as it comes has a setting for idle limits only.
  const known = between
    .filter(({ vendor }) => !vendors[vendor]?.passes?.startsWith('every upgrade'))
    .flatMap(settingOf)
  if (known.length > 0) return known
  return [
    {
      title: 'The upgrade does not get through',
      why: `${socket.summary} Let \`Upgrade: websocket\` and \`Connection: Upgrade\` pass on ${'/webapi/connectionupgrade'}.`,
    },
  ]
}

/** Failures that no setting for upgrades mends where plain requests meet them too. */
const unanswered: ReadonlySet<string> = new Set([
  ...['ERR_UPGRADE_UNAVAILABLE', 'ERR_UPGRADE_EOF', 'ERR_UPGRADE_MALFORMED'],
  ...['ERR_STREAM_RESET', 'ERR_TIMEOUT'],
])

function settingOf({ vendor, name }: VendorGuess): Advice[] {
  const setting = vendors[vendor]?.setting
  if (setting === undefined) return []
  return [
    { title: name, why: `It needs ${setting.what}.`, config: { where: setting.where, lines: setting.lines } },
  ]
}

function fromEvidence(
  title: string,
  finding: { readonly summary: string; readonly evidence?: readonly string[] },
): Advice {
  return {
    title,
    why: [`${finding.summary.replace(/\.$/, '')}.`, ...(finding.evidence ?? []).slice(0, 1)].join(' '),
  }
}
