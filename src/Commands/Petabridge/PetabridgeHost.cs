using System.Collections.Concurrent;
using Akka.Actor;
using Petabridge.Cmd;
using Petabridge.Cmd.Host;

namespace Ganymede.Commands.Petabridge;

/// <summary>
/// Registers the table with the host of Petabridge.Cmd, for its own <c>pbm</c> client: built with <c>-p:PetabridgeCmd=true</c>. Host and
/// port are its own settings, <c>petabridge.cmd.host</c> and <c>petabridge.cmd.port</c> in HOCON.
/// </summary>
public static class PetabridgeHost
{
    public static void Start(ActorSystem system, PbmTable table, PbmContextSource context)
    {
        var host = PetabridgeCmd.Get(system);
        foreach (var palette in table.Palettes)
            host.RegisterCommandPalette(new PaletteHandler(palette, table, context));
        host.Start();
    }

    /// <summary>A palette of ours as Petabridge.Cmd defines one.</summary>
    public static CommandPalette Define(PbmPalette palette) => new(palette.Name, palette.Commands.Select(Define).ToArray());

    private static CommandDefinition Define(PbmCommand command)
    {
        var builder = new CommandDefinitionBuilder().WithName(command.Name).WithDescription(command.Help);
        foreach (var argument in command.Arguments)
        {
            builder = builder.WithArgument(its =>
            {
                its = its.WithName(argument.Name).WithDescription(argument.Help).IsMandatory(argument.IsMandatory);
                return argument.Switches.Aggregate(its, (so, name) => so.WithSwitch(name));
            });
        }

        return builder.Build();
    }

    private sealed class PaletteHandler(PbmPalette palette, PbmTable table, PbmContextSource context) : CommandPaletteHandler(Define(palette))
    {
        public override Props HandlerProps { get; } = Props.Create(() => new PaletteActor(palette, table, context));
    }

    /// <summary>Carries a palette's commands out; one that streams ends with whoever asked for it.</summary>
    public sealed class PaletteActor : CommandHandlerActor
    {
        private readonly ConcurrentDictionary<IActorRef, CancellationTokenSource> _going = [];

        public PaletteActor(PbmPalette palette, PbmTable table, PbmContextSource context) : base(Define(palette))
        {
            foreach (var command in palette.Commands)
            {
                Process(command.Name, given =>
                {
                    var (asker, over) = (Sender, new CancellationTokenSource());
                    if (_going.TryRemove(asker, out var before))
                        before.Cancel();
                    _going[asker] = over;
                    Context.Watch(asker);
                    string[] words = [palette.Name, command.Name, .. given.Arguments.SelectMany(pair => IsFlag(command, pair.Item1) ? new[] { pair.Item1 } : [pair.Item1, pair.Item2])];
                    _ = RunAsync(table, context, words, asker, over.Token);
                });
            }

            Receive<Terminated>(gone =>
            {
                if (_going.TryRemove(gone.ActorRef, out var over))
                    over.Cancel();
            });
        }

        private static bool IsFlag(PbmCommand command, string name) => command.Arguments.Any(argument => argument.IsFlag && argument.Switches.Contains(name));

        private static async Task RunAsync(PbmTable table, PbmContextSource context, string[] words, IActorRef asker, CancellationToken over)
        {
            try
            {
                var (command, values) = table.Parse(words);
                await foreach (var line in command.Handler(new PbmCall(context.Get(), $"pbm {asker.Path.Address}", values), over).WithCancellation(over))
                    asker.Tell(new CommandResponse(line, false));
                asker.Tell(CommandResponse.Empty);
            }
            catch (PbmException error)
            {
                asker.Tell(new ErroredCommandResponse(error.Message));
            }
            catch (OperationCanceledException)
            {
                // Nobody listens any more.
            }
            catch (Exception error)
            {
                asker.Tell(new ErroredCommandResponse($"An unforeseen {error.GetType().Name}: {error.Message}")); // whoever asked must not wait for ever
            }
        }
    }
}
