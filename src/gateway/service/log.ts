// The log: JSON lines by pino, on standard error or in a file. What cannot be written (a full disk) is counted, and the
// service goes on. Nothing here is secret: events carry none.
import { type Logger, pino } from 'pino'
import { failure, type TunnelError } from '../../errors-node.js'
import type { GatewayEvent } from '../events.js'
import type { ServiceSettings } from '../file/load.js'
import { cleanValue } from './clean-text.js'

export interface ServiceLog {
  readonly logger: Logger
  /** Lines that could not be written, or not yet. */
  readonly lost: () => number
  /** After the file was moved away. */
  reopen(): void
  close(): void
}

/** Bytes of lines that wait for room on a full disk; what comes on top of them is dropped. */
const maxWaiting = 1024 * 1024
const standardError = 2

/** Throws ERR_GATEWAY_CONFIG when the file cannot be opened. */
export function openLog({ level, file }: ServiceSettings['log']): ServiceLog {
  let lost = 0
  const destination = openDestination(file)
  const count = () => {
    lost++
  }
  destination.on('error', count)
  destination.on('drop', count)
  const logger = pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => cleanValue(fields) as Record<string, unknown>,
      },
    },
    destination,
  )
  return {
    logger,
    lost: () => lost,
    reopen: () => {
      if (file !== undefined) destination.reopen()
    },
    close: () => destination.destroy(),
  }
}

function openDestination(file: string | undefined): ReturnType<typeof pino.destination> {
  try {
    return pino.destination({
      dest: file ?? standardError,
      append: true,
      sync: true,
      maxLength: maxWaiting,
    })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw failure('ERR_GATEWAY_CONFIG', `log.file: cannot open ${file} (${code})`, { cause })
  }
}

/** Tells one event in one line. */
export function logEvent(logger: Logger, event: GatewayEvent): void {
  switch (event.type) {
    case 'listening':
      logger.info({ door: event.door, host: event.host, port: event.port }, 'listening')
      return
    case 'opened': {
      const { type: _, client, ...facts } = event
      logger.info(client === undefined ? facts : { ...facts, client: clientLine(client) }, 'tunnel opened')
      return
    }
    case 'closed': {
      const { type: _, error, ...facts } = event
      if (error === undefined) logger.info(facts, 'tunnel closed')
      else logger.warn({ ...facts, ...errorLine(error) }, 'tunnel cut')
      return
    }
    case 'refused': {
      const { type: _, error, ...facts } = event
      logger.warn({ ...facts, ...errorLine(error) }, 'refused')
      return
    }
    case 'reloaded':
      logger.info({ routes: event.routes }, 'reloaded')
      return
    case 'closing':
      logger.info({ tunnels: event.tunnels }, 'closing')
      return
    case 'closed-gateway':
      logger.info('closed')
  }
}

export function errorLine(error: TunnelError): {
  readonly code: string
  readonly detail: string | undefined
} {
  return { code: error.code, detail: error.detail }
}

function clientLine({ subject, commonName, serialNumber, fingerprint }: NonNullable<Client>) {
  return { commonName, subject: subject.replaceAll('\n', ', '), serialNumber, fingerprint }
}

type Client = Extract<GatewayEvent, { type: 'opened' }>['client']
