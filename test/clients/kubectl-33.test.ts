/** What kubectl 1.36 is tried with, for the client of three versions earlier, which speaks to the server in its own ways. */
const file: string = './kubectl-control-plane.test.ts?kubectl=33'
await import(file)
