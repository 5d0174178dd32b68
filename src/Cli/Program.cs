return await Ganymede.Cli.Shell.RunAsync(args);
