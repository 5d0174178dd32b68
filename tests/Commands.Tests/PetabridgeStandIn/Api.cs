using Akka.Actor;

// The part of Petabridge.Cmd's public interface that its documentation and samples show and the adapter uses, with just as much
// behind it as shows that the adapter uses it as meant. It is no copy of the package, which is closed, and talks to no client.
namespace Petabridge.Cmd
{
    public sealed record ArgumentDefinition(string Name, string Description, bool IsMandatory, IReadOnlyList<string> Switch);

    public sealed record CommandDefinition(string Name, string Description, IReadOnlyList<ArgumentDefinition> Arguments);

    public sealed class ArgumentDefinitionBuilder
    {
        private readonly List<string> _switches = [];
        private string _name = "", _description = "";
        private bool _isMandatory;

        public ArgumentDefinitionBuilder WithName(string name)
        {
            _name = name;
            return this;
        }

        public ArgumentDefinitionBuilder WithDescription(string description)
        {
            _description = description;
            return this;
        }

        public ArgumentDefinitionBuilder IsMandatory(bool isMandatory)
        {
            _isMandatory = isMandatory;
            return this;
        }

        public ArgumentDefinitionBuilder WithSwitch(string name)
        {
            _switches.Add(name);
            return this;
        }

        internal ArgumentDefinition Build() => new(_name, _description, _isMandatory, _switches);
    }

    public sealed class CommandDefinitionBuilder
    {
        private readonly List<ArgumentDefinition> _arguments = [];
        private string _name = "", _description = "";

        public CommandDefinitionBuilder WithName(string name)
        {
            _name = name;
            return this;
        }

        public CommandDefinitionBuilder WithDescription(string description)
        {
            _description = description;
            return this;
        }

        public CommandDefinitionBuilder WithArgument(Func<ArgumentDefinitionBuilder, ArgumentDefinitionBuilder> argument)
        {
            _arguments.Add(argument(new ArgumentDefinitionBuilder()).Build());
            return this;
        }

        public CommandDefinition Build() => new(_name, _description, _arguments);
    }

    public sealed class CommandPalette(string moduleName, IEnumerable<CommandDefinition> commands)
    {
        public string ModuleName { get; } = moduleName;

        public IReadOnlyList<CommandDefinition> Commands { get; } = [.. commands];
    }

    public sealed record Command(string Name, IReadOnlyList<Tuple<string, string>> Arguments);

    public class CommandResponse(string message, bool final = true)
    {
        public static readonly CommandResponse Empty = new("");

        public string Message { get; } = message;

        public bool Final { get; } = final;
    }

    public sealed class ErroredCommandResponse(string message, bool final = true) : CommandResponse(message, final);
}

namespace Petabridge.Cmd.Host
{
    public abstract class CommandPaletteHandler(CommandPalette palette)
    {
        public CommandPalette Palette { get; } = palette;

        public abstract Props HandlerProps { get; }
    }

    public abstract class CommandHandlerActor(CommandPalette palette) : ReceiveActor
    {
        protected void Process(string name, Action<Command> handle)
        {
            if (palette.Commands.All(command => command.Name != name))
                throw new ArgumentException($"{name} is no command of {palette.ModuleName}");
            Receive<Command>(handle, command => command.Name == name);
        }
    }

    public sealed class PetabridgeCmd : IExtension
    {
        private readonly List<CommandPaletteHandler> _handlers = [];

        public IReadOnlyList<CommandPaletteHandler> Handlers => _handlers;

        public bool IsStarted { get; private set; }

        public static PetabridgeCmd Get(ActorSystem system) => system.WithExtension<PetabridgeCmd, Provider>();

        public void RegisterCommandPalette(CommandPaletteHandler handler) => _handlers.Add(handler);

        public void Start() => IsStarted = true;

        private sealed class Provider : ExtensionIdProvider<PetabridgeCmd>
        {
            public override PetabridgeCmd CreateExtension(ExtendedActorSystem system) => new();
        }
    }
}
