// The table of what the doctor says of each load balancer, for docs/load-balancers.md and for the test that made it.
import type { DoctorReport } from '../../src/cli/doctor/findings.js'

export interface DoctorRow {
  /** What stood in front. */
  readonly front: string
  readonly report: DoctorReport
}

export function doctorTable(rows: readonly DoctorRow[]): string {
  return [
    '| in front | verdict | unknown ALPN | websocket | alpn-ping | alpn | the guess | by |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(({ front, report }) => {
      const { outerTls, upgrades, verdict, vendors } = report
      const [first] = outerTls.probes
      const hello =
        first === undefined
          ? '-'
          : {
              selected: 'selected',
              unselected: 'passed over',
              unoffered: '`http/1.1` selected',
              refused: 'alert 120',
              cut: 'cut',
              failed: 'failed',
            }[first.outcome]
      const passed = ['websocket', 'alpn-ping', 'alpn'].map((name) => {
        const asked = upgrades.find(({ upgrade }) => upgrade === name)
        return asked?.httpStatus === undefined ? '-' : String(asked.httpStatus)
      })
      const guess = vendors.map(({ name, certainty }) => `${name} (${certainty})`).join(', then ')
      const by = vendors[0]?.evidence.map(withoutVersion).join('; ') ?? ''
      return `| ${[front, verdict, hello, ...passed, guess, by].join(' | ')} |`
    }),
    '',
  ].join('\n')
}

/** Versions differ from machine to machine. */
function withoutVersion(evidence: string): string {
  return evidence.replace(/[/ ]v?\d+\.\d[\w.]*.*$/, '')
}
