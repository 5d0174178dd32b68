using Akka.Actor;
using Akka.TestKit.Xunit;
using Ganymede.Commands;
using Ganymede.Commands.Petabridge;
using Petabridge.Cmd;
using Petabridge.Cmd.Host;

namespace Ganymede.Tests;

/// <summary>The adapter to Petabridge.Cmd, compiled against and run with a stand-in of its documented interface: the package itself is not tried here.</summary>
public sealed class PetabridgeTests() : TestKit("akka.actor.provider = cluster\nakka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 }")
{
    [Fact]
    public async Task The_table_is_registered_as_it_is_and_its_commands_are_carried_out()
    {
        var context = new PbmContextSource(() => new PbmContext(Sys, "lighthouse", TestActor, new LogBook(TimeProvider.System), new LogLevels()));
        PetabridgeHost.Start(Sys, PbmTable.Standard, context);

        var host = PetabridgeCmd.Get(Sys);
        Assert.True(host.IsStarted);
        Assert.Equal(PbmTable.Standard.Palettes.Select(palette => palette.Name), host.Handlers.Select(handler => handler.Palette.ModuleName));
        foreach (var (ours, theirs) in PbmTable.Standard.Palettes.Zip(host.Handlers))
        {
            Assert.Equal(ours.Commands.Select(command => command.Name), theirs.Palette.Commands.Select(command => command.Name));
            Assert.Equal(
                ours.Commands.SelectMany(command => command.Arguments).SelectMany(argument => argument.Switches),
                theirs.Palette.Commands.SelectMany(command => command.Arguments).SelectMany(argument => argument.Switch));
        }

        var actor = Sys.ActorOf(host.Handlers.Single(handler => handler.Palette.ModuleName == "actor").HandlerProps);
        actor.Tell(new Petabridge.Cmd.Command("hierarchy", [Tuple.Create("-d", "0"), Tuple.Create("-s", "/user")]), TestActor);
        Assert.Equal(("/user", false), await ExpectMsgAsync<CommandResponse>() is var line ? (line.Message, line.Final) : default);
        Assert.True((await ExpectMsgAsync<CommandResponse>()).Final);

        actor.Tell(new Petabridge.Cmd.Command("hierarchy", [Tuple.Create("-d", "many")]), TestActor);
        Assert.Contains("a whole number", (await ExpectMsgAsync<ErroredCommandResponse>()).Message, StringComparison.Ordinal);
    }
}
