// What others have published of what a packet costs in their load balancers: other machines, other work, and never a comparison. They
// say in which order of magnitude this is done elsewhere.

export interface Yardstick {
  readonly system: string;
  /** What was published, in the publication's own unit. */
  readonly figure: string;
  /** The same in nanoseconds a packet of one core. */
  readonly nsPerPacket: number;
  /** What is in the figure, where that differs from ours. */
  readonly what: string;
  readonly source: string;
}

export const YARDSTICKS: readonly Yardstick[] = [
  {
    system: "Maglev",
    figure: "350 ns a packet",
    nsPerPacket: 350,
    what: "a packet thread's mean, network card to network card past the kernel",
    source: "Eisenbud and others, Maglev, NSDI 2016, section 3.2",
  },
  {
    system: "IPVS",
    figure: "1.24 Mpackets/s of one core",
    nsPerPacket: 808,
    what: "1000 sources, tunnelled on, the kernel's receiving and sending with it",
    source:
      "Høiland-Jørgensen and others, The eXpress Data Path, CoNEXT 2018, measurements in bench06_load_balancer.org",
  },
  {
    system: "Katran",
    figure: "5.16 Mpackets/s of one core",
    nsPerPacket: 194,
    what: "the same as IPVS, in the driver (XDP)",
    source: "as IPVS",
  },
  {
    system: "VPP",
    figure: "more than 3 Mpackets/s of one core",
    nsPerPacket: 333,
    what: "its load balancer with 1 million flows, past the kernel (DPDK)",
    source: "FD.io VPP, documentation of the load balancer plugin, Performances",
  },
];
