// The machine under a soak: how busy it was, and what runs on it.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, type } from 'node:os'
import { requireProgram } from '../support/peers.js'

export interface ProcessorTime {
  readonly busy: number
  readonly total: number
}

/** Of all cores since the machine started, milliseconds; whoever used it. */
export function processorTime(): ProcessorTime {
  let [busy, total] = [0, 0]
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq
    busy += used
    total += used + times.idle
  }
  return { busy, total }
}

/** A share from 0 to 1. */
export function busyBetween(from: ProcessorTime, to: ProcessorTime): number {
  return to.total === from.total ? 0 : (to.busy - from.busy) / (to.total - from.total)
}

export function versions(): Record<string, string> {
  const own = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
  const haproxy = spawnSync(requireProgram('haproxy'), ['-v'], { encoding: 'utf8' }).stdout
  return {
    underpass: own.version,
    node: process.versions.node,
    openssl: process.versions.openssl,
    haproxy: /version (\S+)/.exec(haproxy)?.[1] ?? 'unknown',
    kernel: `${type()} ${release()}`,
  }
}
