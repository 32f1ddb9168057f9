// The doctor's findings for people: one block a layer, what was seen under it, who stands there, and what to do.
import { marks, type Style } from '../output.js'
import type { DoctorReport, Finding, VendorGuess } from './findings.js'

/** Lines for stdout. */
export function reportLines(report: DoctorReport, style: Style): string[] {
  const mark = marks(style)
  const row = (name: string, { status, summary, evidence = [], ms }: Finding, indent = '') => [
    `${indent}${mark[status]} ${style.bold(name.padEnd(indent === '' ? 11 : 21))} ${summary}${ms === undefined ? '' : style.dim(` (${ms} ms)`)}`,
    ...(status === 'ok'
      ? []
      : evidence
          .filter((line) => line !== '')
          .map((line) => `${indent}  ${' '.repeat(11)} ${style.dim(line)}`)),
  ]
  const { outerTls, upgrades, innerTls, idle } = report
  return [
    style.bold(`underpass doctor: ${report.origin}`),
    '',
    ...row('DNS', report.dns),
    ...row('way out', report.proxy),
    ...row('TCP', report.tcp),
    ...row('outer TLS', outerTls),
    ...outerTls.probes.flatMap((probe) => row('hello', { ...probe, evidence: [] }, '  ')),
    ...outerTls.chain.slice(0, 3).map(({ subject, issuer, notAfter }, depth) => {
      const what = depth === 0 ? 'certificate' : `issuer ${depth}`
      return `  ${style.dim('·')} ${what.padEnd(21)} ${subject}, signed by ${issuer}, until ${notAfter.slice(0, 10)}`
    }),
    ...row('ping', report.ping),
    ...(upgrades.length === 0 ? [] : [`${style.dim('·')} ${style.bold('upgrade')}`]),
    ...upgrades.flatMap((each) =>
      row(each.subprotocol === undefined ? each.upgrade : `${each.upgrade} ${each.subprotocol}`, each, '  '),
    ),
    ...innerTls.flatMap((each) =>
      row('inner TLS', { ...each, summary: `${each.summary} [over ${each.over}]` }),
    ),
    ...idle.flatMap((each) => row('idle', each)),
    '',
    ...vendorLines(report.vendors, style),
    `${style.bold('Verdict')}  ${verdictLine(report, style)}`,
    ...report.advice.flatMap(({ title, why, config }) => [
      '',
      `${style.yellow('→')} ${style.bold(title)}`,
      ...wrap(why, 96).map((line) => `  ${line}`),
      ...(config === undefined
        ? []
        : [style.dim(`  # ${config.where}`), ...config.lines.map((line) => style.cyan(`  ${line}`))]),
    ]),
  ]
}

function vendorLines(vendors: readonly VendorGuess[], style: Style): string[] {
  if (vendors.length === 0) return ['Nobody on the way gave himself away.', '']
  const roles = { tls: 'ends TLS', http: 'speaks HTTP', server: 'the server' } as const
  return [
    style.bold('On the way'),
    ...vendors.flatMap(({ name, role, certainty, evidence }) => [
      `  ${name}: ${roles[role]} ${style.dim(`(${certainty})`)}`,
      ...evidence.slice(0, 4).map((line) => style.dim(`    ${line}`)),
    ]),
    '',
  ]
}

function verdictLine({ ok, verdict, code }: DoctorReport, style: Style): string {
  const how = {
    direct: 'the server is reached directly: no upgrade is needed',
    upgrade: 'something ends TLS on the way, and an upgrade goes through it',
    none: 'no tunnel goes through',
  }[verdict]
  if (ok) return style.green(how)
  return verdict === 'none'
    ? style.red(`${how} (${code})`)
    : `${how}; ${style.red(`but a tunnel fails (${code})`)}`
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
