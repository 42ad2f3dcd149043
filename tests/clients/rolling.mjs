// Many pusher-js clients in one process, whose servers are replaced one after the other.

import { codeOf, connect, sentAway, tell, world } from './stage.mjs'

/** One of them, and what it heard over each of its connections. */
class Listener {
  connections = []
  isHere = false
  hasHeardAll = false

  constructor() {
    const pusher = connect()
    const channel = pusher.subscribe('rolling')
    pusher.connection.bind('error', (error) => this.#end(codeOf(error)))
    channel.bind('pusher:subscription_succeeded', () => this.#begin())
    channel.bind('numbered', (number) => this.connections.at(-1).numbers.push(number))
    channel.bind('last', () => this.#hearLast())
  }

  #begin() {
    this.connections.push({ since: Date.now(), numbers: [], until: null, codes: [] })
    this.isHere = true
    if (listeners.length === world.count && listeners.every((each) => each.isHere)) tell('all here', lost())
  }

  /** Told twice by 4200, and by each attempt that fails. */
  #end(code) {
    const connection = this.connections.at(-1)
    connection.until ??= Date.now()
    connection.codes.push(code)
    this.isHere = false
  }

  #hearLast() {
    this.hasHeardAll = true
    if (!listeners.every((each) => each.hasHeardAll)) return
    for (const each of listeners) tell('listener', each.connections)
  }
}

const listeners = []

/** How many connections have ended until now. */
function lost() {
  return listeners.flatMap((each) => each.connections).filter((each) => each.until).length
}

/** Tells each time when all are subscribed and, when all have heard `last`, what each of them heard. */
export async function listen() {
  for (let number = 1; number <= world.count; number++) listeners.push(new Listener())
  await sentAway()
}
