/** etcd cannot be reached, or refuses for a reason that the contract has no name for. Here so that who names it need not load gRPC. */
export class EtcdError extends Error {
  override name = 'EtcdError'
}

const unfinished = 'a move of a cluster into this etcd was not completed'

export function unfinishedMove(): EtcdError {
  return new EtcdError(unfinished)
}

export function isUnfinishedMove({ message }: EtcdError): boolean {
  return message === unfinished
}
