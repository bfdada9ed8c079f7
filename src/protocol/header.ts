/** Who sent what and when: IPython's header, its dates kept as text. */
export interface Header<T extends string = string> {
  msg_id: string;
  msg_type: T;
  username: string;
  session: string;
  date: string;
  version: string;
}
