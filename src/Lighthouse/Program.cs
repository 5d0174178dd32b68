using Ganymede.Commands;
using Ganymede.Messages;

// The fixed entry point: every other node joins the cluster through a Lighthouse, and it does nothing else.
return await ClusterProgram.Create(ClusterHosting.LighthouseRole, args).WithPbm().RunAsync();
