// The gateway as a service: configuration from a file, log, audit, metrics, the operator's door, reload and drain. No
// signals and no process here: `underpass serve` decides when.
import { asTunnelError } from '../../errors-node.js'
import type { GatewayEvent } from '../events.js'
import { type LoadedConfig, loadConfig } from '../file/load.js'
import { packageVersion } from '../ping-endpoint.js'
import { createGateway, type Gateway, type GatewayAddress } from '../server.js'
import { type AdminListener, adminListener } from './admin-listener.js'
import { type Audit, openAudit } from './audit.js'
import { errorLine, logEvent, openLog, type ServiceLog } from './log.js'
import { createMetrics } from './metrics.js'
import { watchFiles } from './watch.js'

export interface GatewayService {
  readonly addresses: Gateway['addresses'] & { readonly admin?: GatewayAddress }
  /** Load the file again, for new tunnels. False: it cannot be used, and the old one stays. Never rejects. */
  reload(): Promise<boolean>
  /** Tell load balancers first, then stop accepting, wait for open tunnels, close the rest with 1001. */
  drain(): Promise<void>
}

/** Rejects with ERR_GATEWAY_CONFIG or ERR_GATEWAY_LISTEN. */
export async function startService(configFile: string): Promise<GatewayService> {
  let config = await loadConfig(configFile)
  const log = openLog(config.service.log)
  const { logger } = log
  let draining = false
  let drained: Promise<void> | undefined
  let gateway: Gateway | undefined
  const closers: Array<() => unknown> = [() => log.close()]

  const audit = openAuditOf(config, log)
  if (audit !== undefined) closers.push(() => audit.close())
  const notReady = () => (draining ? 'draining' : audit?.refuse())
  const metrics = createMetrics(packageVersion, {
    stats: () => gateway?.stats() ?? { connections: 0, tunnels: 0, halfOpen: 0, refused: {}, routes: {} },
    ready: () => notReady() === undefined,
    auditLost: () => audit?.lost() ?? 0,
    logLost: () => log.lost(),
  })

  function onEvent(event: GatewayEvent): void {
    metrics.record(event)
    audit?.record(event)
    logEvent(logger, event)
  }

  let admin: AdminListener | undefined
  try {
    gateway = await createGateway({ ...config.options, onEvent, refuse: () => audit?.refuse() })
    if (config.service.admin !== undefined) {
      const text = async () => ({ contentType: metrics.contentType, text: await metrics.text() })
      admin = await adminListener(config.service.admin, { notReady, metrics: text })
      logger.info({ door: 'admin', host: admin.host, port: admin.port }, 'listening')
    }
  } catch (error) {
    await gateway?.close()
    for (const close of closers.reverse()) close()
    throw error
  }
  const open = gateway

  let watched = config.files
  // One after the other: of two that overlap, the one that read the older file could be the last to be applied.
  let reloading: Promise<unknown> = Promise.resolve()
  function reload(): Promise<boolean> {
    const result = reloading.then(load)
    reloading = result
    return result
  }

  async function load(): Promise<boolean> {
    // Nobody is served by it any more, and the log may be closed.
    if (draining) return false
    const named: string[] = []
    try {
      const next = await loadConfig(configFile, named)
      open.reload(next.options)
      const unchanged = restartKeys.filter((key) => !same(keyOf(config, key), keyOf(next, key)))
      if (unchanged.length > 0) logger.warn({ keys: unchanged }, 'these apply after a restart')
      logger.level = next.service.log.level
      config = next
      watched = config.files
      metrics.reload(true)
      return true
    } catch (thrown) {
      // A file that it names and that is not there yet: its arrival is a reason to load again.
      watched = [...new Set([...config.files, ...named])]
      metrics.reload(false)
      logger.error(errorLine(asTunnelError(thrown)), 'not reloaded: the old configuration stays')
      return false
    } finally {
      reopenFiles(log, audit)
    }
  }

  const { watch, interval } = config.service.reload
  if (watch) closers.push(watchFiles(() => watched, interval, reload))

  async function drain(): Promise<void> {
    const { delay, deadline } = config.service.shutdown
    draining = true
    logger.info({ delay, deadline }, 'draining')
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    await open.close({ deadline })
    await admin?.close()
    await reloading
    for (const close of closers.reverse()) close()
  }

  return {
    addresses: { ...open.addresses, ...(admin && { admin: { host: admin.host, port: admin.port } }) },
    reload,
    drain: () => (drained ??= drain()),
  }
}

/** What is fixed when the service starts. */
const restartKeys = [
  'listen',
  'pingInterval',
  'timeouts',
  'limits',
  'admin',
  'audit',
  'log.file',
  'reload',
] as const

function keyOf({ options, service }: LoadedConfig, key: (typeof restartKeys)[number]): unknown {
  if (key === 'admin' || key === 'audit' || key === 'reload') return service[key]
  return key === 'log.file' ? service.log.file : options[key]
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function openAuditOf({ service }: LoadedConfig, { logger }: ServiceLog): Audit | undefined {
  if (service.audit === undefined) return undefined
  const { file, whenFull } = service.audit
  return openAudit({
    file,
    whenFull,
    changed: (failing) => {
      if (failing === undefined) logger.info({ file }, 'the audit is written again')
      else logger.error({ file, errno: failing, whenFull }, 'the audit cannot be written')
    },
  })
}

// Whoever moved the files away sends SIGHUP afterwards.
function reopenFiles(log: ServiceLog, audit: Audit | undefined): void {
  log.reopen()
  try {
    audit?.reopen()
  } catch (error) {
    log.logger.error({ errno: (error as NodeJS.ErrnoException).code }, 'the audit cannot be opened anew')
  }
}
