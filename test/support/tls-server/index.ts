// The scripted servers of TLS 1.3 and 1.2, and what tests need around it. Synchronous providers only on its side; any on the client's.
export { type Conversation, converse } from './converse.js'
export {
  ScriptedServer,
  type SeenAlert,
  type ServerMessageName,
  type ServerScript,
  type TicketState,
} from './server.js'
export { ScriptedServer12, type ServerScript12 } from './server12.js'
export { createWorld, type Meeting, type Meeting12, serverName, type World } from './world.js'
